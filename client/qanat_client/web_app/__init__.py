"""The reporter's web app as it is given out: the files that were built, and how HTTP answers them.

A relay serves it and so does `qanat app`. Its source is in client/web; `make app` builds it into
`built/`, which the wheel takes along. Nothing here knows who asks.
"""
