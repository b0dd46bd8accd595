"""Models of markets, each a file of kernels."""
