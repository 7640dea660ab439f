"""Words for trouble with the system: its errors, and paths in commands to type.

`str(OSError)` holds paths and changes with the language of the machine; these sentences do neither.
"""

import errno

_WORDS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the disk is read-only",
    errno.EIO: "the disk reported an error",
    errno.EFBIG: "the file would be too large",
    errno.EACCES: "permission was denied",
    errno.EPERM: "permission was denied",
    errno.ENOENT: "the folder does not exist",
    errno.ENOTDIR: "a part of the path is not a folder",
    errno.EISDIR: "it is a folder",
    errno.ELOOP: "it is a symbolic link",
    errno.ENXIO: "it is not a regular file",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
    errno.ENAMETOOLONG: "the path is too long",
}


def words(error: OSError) -> str:
    """Say what went wrong without the path and in one language."""
    number = error.errno or 0
    return _WORDS.get(number) or f"the system answered {errno.errorcode.get(number, 'an unknown error')}"


def typed(path: str) -> str:
    """Return a path as it is typed in a shell."""
    import shlex

    return shlex.quote(path)
