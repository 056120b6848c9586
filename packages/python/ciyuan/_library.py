"""The C interface (src/token/c_api.h) as ctypes sees it. ctypes releases the interpreter's lock during each call."""
import ctypes
import os

_SIGNATURES = {
    # name: (result, arguments)
    "ciyuan_vocabulary_parse": (ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]),
    "ciyuan_vocabulary_free": (None, [ctypes.c_void_p]),
    "ciyuan_vocabulary_name": (ctypes.c_char_p, [ctypes.c_void_p]),
    "ciyuan_vocabulary_digest": (None, [ctypes.c_void_p, ctypes.c_char_p]),
    "ciyuan_vocabulary_size": (ctypes.c_uint32, [ctypes.c_void_p]),
    "ciyuan_count": (ctypes.c_int64, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
    "ciyuan_count_with_specials": (ctypes.c_int64, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
    "ciyuan_encode": (ctypes.c_size_t, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p,
                                        ctypes.c_void_p, ctypes.c_size_t]),
    "ciyuan_encode_with_specials": (ctypes.c_size_t, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t,
                                                      ctypes.c_void_p, ctypes.c_size_t]),
    "ciyuan_decode": (ctypes.c_ssize_t, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p,
                                         ctypes.c_size_t]),
    "ciyuan_longest_prefix": (ctypes.c_size_t, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int64]),
    "ciyuan_counter_new": (ctypes.c_void_p, [ctypes.c_void_p]),
    "ciyuan_counter_free": (None, [ctypes.c_void_p]),
    "ciyuan_counter_append": (None, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
    "ciyuan_counter_count": (ctypes.c_int64, [ctypes.c_void_p]),
    "ciyuan_counter_longest_prefix": (ctypes.c_size_t, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t,
                                                        ctypes.c_int64]),
}


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(os.path.join(os.path.dirname(os.path.abspath(__file__)), "libciyuan_token.so"))
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


c = _load()
