# Debian's clang 19 with its libraries for WASI (tools/debian-test.txt), some 50 megabytes: older ones lack parts of
# C++20's library, and there is no smaller toolchain among the registries' packages.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
set(CMAKE_CXX_COMPILER clang++-19)
set(CMAKE_CXX_COMPILER_TARGET wasm32-wasi)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
