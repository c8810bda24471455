"""A gallery that follows its pictures: a stream of events, or a folder that is watched.

    a stream -> deliveries -> looks (one for each picture) -> stages (read, embed, write) -> the gallery -> acknowledged

An event says *look at this picture again*. What counts is what stands under its root when it is read, and once more after it was
written: repeated and reordered events do no harm, and several followers may share a stream.
"""
