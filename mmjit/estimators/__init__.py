"""What strategies are tuned by: volatility, intensity of fills, covariance, sizes."""
