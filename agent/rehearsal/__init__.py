"""A plan rehearsed in one process on a false clock, without sockets, before there is a rack."""
