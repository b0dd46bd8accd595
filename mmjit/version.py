"""The version, for whoever says which one it was."""

from typing import Final

__version__: Final = "0.1.0"
