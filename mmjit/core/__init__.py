"""The floor where everything compiles: arrays in, integers out."""
