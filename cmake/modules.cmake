# cordon_module(NAME [LIBS…]): a library of engine/NAME/*.cc that links what engine/modules.txt allows.
# The composition root is `engine` (engine/*.cc).
file(STRINGS ${PROJECT_SOURCE_DIR}/engine/modules.txt CORDON_MODULE_LINES REGEX "^[a-z]+:")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/engine/modules.txt)

# A release compiles the files of a target as one (CMAKE_UNITY_BUILD in CMakePresets.json), as to read
# the engine's headers takes 7 s: 21 files of engine/retrieve take 8.7 s to check, 10 of them 7.8 s.
# Each file still has to compile alone, as `--preset debug` does.
set(CMAKE_UNITY_BUILD_BATCH_SIZE 40)

# cordon_alone(FILES…): these name things in their anonymous namespaces as other files do.
function(cordon_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# GCC 12 warns falsely of restrict inside std::string (PR 105651).
set(CORDON_WARNINGS -Wall -Wextra -Werror $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)

function(cordon_module name)
  set(folder ${PROJECT_SOURCE_DIR}/engine/${name})
  if(name STREQUAL "engine")
    set(folder ${PROJECT_SOURCE_DIR}/engine)
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cc)
  list(FILTER sources EXCLUDE REGEX "_main\\.cc$")
  if(NOT sources)  # a module that is not written yet
    add_library(cordon_${name} INTERFACE)
    return()
  endif()
  add_library(cordon_${name} STATIC ${sources})
  target_include_directories(cordon_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_compile_options(cordon_${name} PRIVATE ${CORDON_WARNINGS})
  foreach(line ${CORDON_MODULE_LINES})
    if(line MATCHES "^${name}:(.*)$")
      string(STRIP "${CMAKE_MATCH_1}" deps)
      separate_arguments(deps)
      foreach(dep ${deps})
        target_link_libraries(cordon_${name} PUBLIC cordon_${dep})
      endforeach()
    endif()
  endforeach()
  target_link_libraries(cordon_${name} PUBLIC ${ARGN})
endfunction()

# The tests themselves are not optimised, which takes a third to a half off the time to build them;
# what they test is. With sanitizers they have AddressSanitizer alone.
set(CORDON_TEST_OPTIONS ${CORDON_WARNINGS} -O0 $<$<CONFIG:Checked>:-fno-sanitize=undefined>)

# cordon_compiled_with(OPTIONS TARGETS…): otherwise than the other tests, so that these read their
# headers themselves (precompiled.cmake).
function(cordon_compiled_with options)
  foreach(target ${ARGN})
    target_compile_options(${target} PRIVATE ${options})
    set_target_properties(${target} PROPERTIES DISABLE_PRECOMPILE_HEADERS ON)
  endforeach()
endfunction()

# cordon_reckons(TARGETS…): tests whose own work takes longer than to optimise it.
function(cordon_reckons)
  cordon_compiled_with($<$<NOT:$<CONFIG:Debug>>:-O1> ${ARGN})
endfunction()

# cordon_test_binary(NAME SOURCES… LIBS libs…): a GoogleTest binary.
function(cordon_test_binary name)
  cmake_parse_arguments(arg "" "" "LIBS" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS} $<TARGET_OBJECTS:cordon_unreserved>)
  target_compile_options(${name} PRIVATE ${CORDON_TEST_OPTIONS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${arg_LIBS} GTest::gtest_main GTest::gmock)
  target_precompile_headers(${name} REUSE_FROM cordon_unreserved)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endfunction()

# cordon_slow(TESTS…): `make quick` leaves them out; where there are many, they begin first.
function(cordon_slow)
  set_tests_properties(${ARGN} PROPERTIES LABELS slow COST 100)
endfunction()

# cordon_not_quick(TESTS…): left out likewise, so that the others take a minute or so.
function(cordon_not_quick)
  set_tests_properties(${ARGN} PROPERTIES LABELS slow)
endfunction()

# cordon_test(NAME SOURCES… LIBS libs…): a binary that CTest runs whole.
function(cordon_test name)
  cordon_test_binary(${name} ${ARGN})
  add_test(NAME ${name} COMMAND ${name})
endfunction()

# cordon_long_test(NAME PARTS SOURCES… LIBS libs…): the same in so many parts, side by side, of which
# each begins before shorter tests, or one processor waits for the last.
function(cordon_long_test name parts)
  cordon_test_binary(${name} ${ARGN})
  math(EXPR last "${parts} - 1")
  foreach(part RANGE ${last})
    add_test(NAME ${name}_${part} COMMAND ${name})
    set_tests_properties(${name}_${part} PROPERTIES COST 90
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${parts};GTEST_SHARD_INDEX=${part}")
  endforeach()
endfunction()

# cordon_tests(NAME SOURCES… LIBS libs…): a binary whose *_test.cc CTest runs as so many tests, side
# by side. Their headers are read once for all, which is most of the time to build them.
function(cordon_tests name)
  cordon_test_binary(${name} ${ARGN})
  set(files ${ARGN})
  list(FILTER files INCLUDE REGEX "_test\\.cc$")
  set(all "")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  foreach(file ${files})
    file(STRINGS ${file} suites REGEX "^(TEST|TYPED_TEST)")
    list(TRANSFORM suites REPLACE "^TEST(_F)?\\(([A-Za-z0-9]+),.*" "\\2.*")
    list(REMOVE_DUPLICATES suites)
    list(JOIN suites ":" filter)
    if(NOT filter MATCHES "^[A-Za-z0-9.*:]+$" OR filter MATCHES "TEST")
      message(FATAL_ERROR "${file}: cordon_tests() knows TEST and TEST_F only, not: ${filter}")
    endif()
    get_filename_component(test ${file} NAME_WE)
    add_test(NAME ${test} COMMAND ${name} --gtest_filter=${filter})
    list(APPEND all ${filter})
  endforeach()
  # What the filters leave out must be nothing, or a test runs in none of them.
  list(JOIN all ":" filter)
  add_test(NAME ${name}_left_out COMMAND ${name} --gtest_filter=-${filter})
  set_tests_properties(${name}_left_out PROPERTIES PASS_REGULAR_EXPRESSION "Running 0 tests")
endfunction()
