"""Builds the C++ book where a compiler is present, and says so where none is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FLAGS = ["-O3", "-march=native", "-std=c++17", '-DNAME="limit slab prefetch"', "-DDIRECT=0", "-DPF=12"]


def compiler() -> str | None:
    """The C++ compiler of this machine: CXX, g++ or clang++."""
    names = [os.environ["CXX"]] if os.environ.get("CXX") else ["g++", "clang++"]
    return next((found for name in names if (found := shutil.which(name))), None)


def build(folder: Path) -> Path | None:
    """The binary, made in a folder unless it is there and newer than its sources; None without a compiler."""
    binary = folder / "limit"
    sources = [HERE / "limit.cpp", HERE / "common.hpp"]
    newest = max(path.stat().st_mtime for path in sources)
    if binary.exists() and binary.stat().st_mtime > newest:
        return binary
    found = compiler()
    if found is None:
        print("yardstick: no C++ compiler (g++ or clang++, or CXX): only mmjit is measured")
        return None
    command = [found, *FLAGS, str(HERE / "limit.cpp"), "-o", str(binary)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        print(f"yardstick: {found} cannot build limit.cpp: only mmjit is measured\n{made.stderr}")
        return None
    return binary


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    result = build(folder)
    print(result if result else "nothing was built")
    sys.exit(0 if result else 1)
