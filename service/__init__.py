"""Start here: the HTTP door to the same queries and operations as the command line and Python.

    app        puts the parts together: middleware, routes, problem documents
    settings   what may be set, checked before anything starts
    routes/    parse, call a query or an operation, answer; no idea of their own
    bodies     what goes in and comes out, as OpenAPI shows it

Text from a stranger is never a path: routes make `StoredPicture` and `PictureBytes` alone.
"""
