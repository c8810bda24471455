"""Start here: the HTTP door to the same queries and operations as the command line and Python.

    app        puts the parts together: guards, routes, problem documents, what shows it running, the page
    serve      opens the port and answers until it is told to stop
    settings   what may be set, checked before anything starts
    context    what the routes of one service share
    together   searches that come at the same time are made together, in batches: in threads, or in processes of their own
    guards/    stand before the routes: keys, limits, origins, sizes, and turns for what is costly
    routes/    parse, call a query or an operation, and answer
    bodies/    what goes in and comes out, as OpenAPI shows it
    watching/  request ids, the log, metrics, traces, and whether it is ready
    page/      what people see in a browser

Text from a stranger is never a path: routes make `StoredPicture` and `PictureBytes` alone.
"""
