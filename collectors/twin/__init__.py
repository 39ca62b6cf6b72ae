"""The other end of the wire: a rack that is not there."""
