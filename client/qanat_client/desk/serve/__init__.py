"""`qanat-desk serve`: the desk as a web app for one editor on this machine, and what feeds it.

Loopback alone; nothing is answered to a page of anybody else, nothing readable is written to disk.
"""
