"""Finding a gateway that runs, asking after its health and for favours. Nothing here starts or stops one."""
