"""Starts the guest from wherever its directory was copied to."""

import os
import sys
from importlib import import_module

_HERE = os.path.dirname(os.path.abspath(__file__))

if __name__ == "__main__":
    # At the end: a neighbour of the package must not stand in for a module of the standard library.
    sys.path[:] = [entry for entry in sys.path if entry != _HERE]
    sys.path.append(os.path.dirname(_HERE))
    import_module(f"{os.path.basename(_HERE)}.main").main(sys.argv[1:])
