# ciyuan_library(NAME SOURCES … USES …): one static library of the tree, included as "<name>/<header>.h".
function(ciyuan_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES" ${ARGN})
  add_library(ciyuan_${name} STATIC ${arg_SOURCES})
  target_include_directories(ciyuan_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(ciyuan_${name} PUBLIC ${arg_USES})
endfunction()

# ciyuan_test(LIBRARY SOURCES … USES …): the library's test binary, <library>_test, known to ctest case by case.
function(ciyuan_test library)
  cmake_parse_arguments(arg "" "" "SOURCES;USES" ${ARGN})
  add_executable(${library}_test ${arg_SOURCES})
  target_link_libraries(${library}_test PRIVATE ${arg_USES} GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(${library}_test PRIVATE CIYUAN_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_include_directories(${library}_test PRIVATE ${CMAKE_SOURCE_DIR})
  add_test(NAME ${library} COMMAND ${library}_test --gtest_brief=1)
endfunction()
