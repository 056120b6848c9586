"""One module a subject; every case is a function of a world with the decorator @case."""
