"""The rules that come with mmjit, one a file: read them, copy them, change them."""
