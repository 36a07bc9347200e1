"""Strangers' pictures, films and sounds: decoded apart from everything, shown as fresh copies."""
