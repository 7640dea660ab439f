"""Loading a module of the standard library only if something of it is used."""

import sys
from importlib import import_module
from types import ModuleType


class Later(ModuleType):
    """A module that is loaded when something of it is first used."""

    def __getattr__(self, name: str) -> object:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)
