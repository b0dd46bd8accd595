"""Models of markets: the rates of order flows, and the kernels that let them trade."""
