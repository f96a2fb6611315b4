"""Terminals for commands."""

import fcntl
import os
import struct
import termios

from .command import Size


def open_terminal(size: Size) -> tuple[int, int]:
    """(the guest's end, the command's end) of a new terminal. Raises OSError."""
    master, slave = os.openpty()
    resize(slave, size)
    return master, slave


def resize(descriptor: int, size: Size) -> None:
    """Set a terminal's size; the program in front is told by the kernel. Raises OSError."""
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", size.rows, size.cols, 0, 0))


def take_control() -> None:
    """Make standard input the terminal that controls the calling process's session. Raises OSError."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
