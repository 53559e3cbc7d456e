"""Events of registries, forges and pipelines. Whatever one says comes down to "look now": it is
read into nudges, and the look itself asks the world. Losing, doubling or forging one changes no
decision."""
