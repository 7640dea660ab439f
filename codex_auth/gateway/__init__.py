"""Finding a gateway that runs, asking after its health, and asking it for something. Nothing here starts or stops one."""
