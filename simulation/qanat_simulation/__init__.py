"""Documented shutdowns, lived through by the real protocol under virtual time, and beside it what
the best of all systems could have carried. The only package that knows relays and clients alike.
"""
