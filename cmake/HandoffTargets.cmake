# Two interface targets (options for everything of ours, warnings never for generated code) and one
# function per kind of target.

add_library(handoff_options INTERFACE)
target_include_directories(handoff_options INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_definitions(handoff_options INTERFACE $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)
# gRPC asks for it, and precompiled headers want all files to have it or none.
target_compile_options(handoff_options INTERFACE -pthread)
# clang 18 and later give some templates other names than g++ 14, which Debian 13's libraries are from: absl::Cord's would be missing.
target_compile_options(handoff_options INTERFACE
  $<$<AND:$<CXX_COMPILER_ID:Clang>,$<VERSION_GREATER_EQUAL:$<CXX_COMPILER_VERSION>,18>>:-fclang-abi-compat=17>)
# Links in a third of the time. Only tests are linked so often that it matters, so that it is one of their packages.
include(CheckLinkerFlag)
check_linker_flag(CXX -fuse-ld=lld HANDOFF_LLD_IS_THERE)
if(HANDOFF_LLD_IS_THERE)
  target_link_options(handoff_options INTERFACE -fuse-ld=lld)
endif()
if(HANDOFF_SANITIZE)
  list(JOIN HANDOFF_SANITIZE "," _sanitize)
  # vptr finds out what memory may be read by opening a pipe: false where a test takes every descriptor. The others are checks of
  # each access to memory, which the address sanitizer checks, too: a fifth of compiling and a third of the code (ADR 28).
  target_compile_options(handoff_options INTERFACE
    -fsanitize=${_sanitize} -fno-sanitize=vptr,null,alignment,object-size -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(handoff_options INTERFACE -fsanitize=${_sanitize})
  # Each of its descriptions of our globals is relocated at each start otherwise, a third of what starting a program costs.
  if("address" IN_LIST HANDOFF_SANITIZE)
    target_link_options(handoff_options INTERFACE -no-pie)
  endif()
endif()

add_library(handoff_warnings INTERFACE)
target_compile_options(handoff_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wextra-semi
  $<$<CXX_COMPILER_ID:GNU>:-Wsuggest-override -Wlogical-op>
  # Of several files compiled as one it takes each for a header, where a class with a member of an anonymous namespace is a mistake.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${CMAKE_UNITY_BUILD}>>:-Wno-subobject-linkage>
  # With its instrumentation g++ 12 loses sight of what initialises a StatusOr.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${HANDOFF_SANITIZE}>>:-Wno-maybe-uninitialized>
  # absl's lock annotations are understood by clang only; -Wthread-safety makes them binding there.
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)

# Headers that most files include are parsed once a build instead of six hundred times, which is half of compiling (ADR 33). release
# and bench go without (CMAKE_DISABLE_PRECOMPILE_HEADERS): there it shows that each source includes what it needs.
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/gen/precompiled.cc" CONTENT "")
set(_precompiled library messages command)
if(BUILD_TESTING)  # without tests there is no GoogleTest, which these have
  list(APPEND _precompiled test wire_test)
endif()
foreach(kind IN LISTS _precompiled)
  add_library(handoff_precompiled_${kind} OBJECT EXCLUDE_FROM_ALL "${PROJECT_BINARY_DIR}/gen/precompiled.cc")
  target_link_libraries(handoff_precompiled_${kind} PRIVATE handoff_options handoff_warnings
    absl::status absl::statusor absl::strings absl::str_format absl::time absl::any_invocable
    $<$<IN_LIST:${kind},messages;command;wire_test>:protobuf::libprotobuf> $<$<STREQUAL:${kind},command>:CLI11::CLI11>
    $<$<IN_LIST:${kind},test;wire_test>:GTest::gmock>
    $<$<STREQUAL:${kind},wire_test>:gRPC::grpc++> $<$<STREQUAL:${kind},wire_test>:nlohmann_json::nlohmann_json>)
  target_precompile_headers(handoff_precompiled_${kind} PRIVATE "${PROJECT_SOURCE_DIR}/cmake/precompiled/${kind}.h")
endforeach()

# The largest of them of which a library has all.
function(_handoff_precompiled name)
  set(kind library)
  if("CLI11::CLI11" IN_LIST ARGN)
    set(kind command)
  elseif("${ARGN}" MATCHES "handoff_protos")
    set(kind messages)
  endif()
  target_precompile_headers(${name} REUSE_FROM handoff_precompiled_${kind})
endfunction()

# Where several files are compiled as one (CMAKE_UNITY_BUILD, ADR 33), a target's are one unit, but for those listed here with the
# number of another: they have names in an anonymous namespace that a file of the first has, too.
set(_apart_list "${PROJECT_SOURCE_DIR}/cmake/compiled_apart.txt")
set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${_apart_list}")
file(STRINGS "${_apart_list}" _apart)
foreach(line IN LISTS _apart)
  if(NOT line MATCHES "^([^ ]+) ([2-9])$")
    message(FATAL_ERROR "cmake/compiled_apart.txt says '${line}'. A line is the path of a file and the number of its unit, 2 to 9.")
  endif()
  set(HANDOFF_UNIT_OF_${CMAKE_MATCH_1} ${CMAKE_MATCH_2})
  if(NOT EXISTS "${PROJECT_SOURCE_DIR}/${CMAKE_MATCH_1}")
    message(FATAL_ERROR "cmake/compiled_apart.txt names ${CMAKE_MATCH_1}, which is not there. Take the line out or correct it.")
  endif()
endforeach()
function(_handoff_units name)
  set_target_properties(${name} PROPERTIES UNITY_BUILD_MODE GROUP)
  foreach(file IN LISTS ARGN)
    file(RELATIVE_PATH path "${PROJECT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
    set(unit 1)
    if(DEFINED HANDOFF_UNIT_OF_${path})
      set(unit ${HANDOFF_UNIT_OF_${path}})
    endif()
    set_source_files_properties("${file}" PROPERTIES UNITY_GROUP ${unit})
  endforeach()
endfunction()

# handoff_library(NAME SRCS a.cc … HDRS a.h … [PUBLIC lib …] [PRIVATE lib …])
function(handoff_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;HDRS;PUBLIC;PRIVATE" ${ARGN})
  if(ARG_SRCS)
    add_library(${name} STATIC ${ARG_SRCS})
    set(scope PUBLIC)
    target_link_libraries(${name} PUBLIC handoff_options ${ARG_PUBLIC} PRIVATE handoff_warnings ${ARG_PRIVATE})
    _handoff_precompiled(${name} ${ARG_PUBLIC} ${ARG_PRIVATE})
    _handoff_units(${name} ${ARG_SRCS})
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
    target_link_libraries(${name} INTERFACE handoff_options ${ARG_PUBLIC})
  endif()
  if(ARG_HDRS)
    target_sources(${name} ${scope} FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}" FILES ${ARG_HDRS})
  endif()
endfunction()

# handoff_program(NAME OUTPUT file-name SRCS main.cc PRIVATE lib …)
function(handoff_program name)
  cmake_parse_arguments(ARG "" "OUTPUT" "SRCS;PRIVATE" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  set_target_properties(${name} PROPERTIES OUTPUT_NAME "${ARG_OUTPUT}"
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
  target_link_libraries(${name} PRIVATE handoff_options handoff_warnings ${ARG_PRIVATE})
  _handoff_precompiled(${name} ${ARG_PRIVATE})
  if("address" IN_LIST HANDOFF_SANITIZE)
    target_sources(${name} PRIVATE "${PROJECT_SOURCE_DIR}/common/leaks_at_exit.cc")
  endif()
  set_property(GLOBAL APPEND PROPERTY HANDOFF_PROGRAMS ${name})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# handoff_test(NAME LABEL unit|sim|integration|e2e SRCS a_test.cc … DEPS lib … [NO_TSAN])
# One executable per folder of tests; every case is its own ctest entry, but with HANDOFF_WHOLE_PROGRAMS. NO_TSAN keeps it out of the TSan build: Debian's gRPC
# is not instrumented, and protobuf's headers give messages another layout there than its library has.
function(handoff_test name)
  cmake_parse_arguments(ARG "NO_TSAN" "LABEL;TIMEOUT" "SRCS;DEPS;ENVIRONMENT" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(HANDOFF_SANITIZE)  # a start of one of our programs takes ten times as long there
    math(EXPR ARG_TIMEOUT "2 * ${ARG_TIMEOUT}")
  endif()
  add_executable(${name} ${ARG_SRCS})
  _handoff_units(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE handoff_options handoff_warnings ${ARG_DEPS} GTest::gmock_main)
  # Below that they link neither gRPC nor messages, or TSan could not check them.
  if(ARG_NO_TSAN OR NOT ARG_LABEL MATCHES "^(unit|sim)$")
    target_precompile_headers(${name} REUSE_FROM handoff_precompiled_wire_test)
  else()
    target_precompile_headers(${name} REUSE_FROM handoff_precompiled_test)
  endif()
  if(ARG_LABEL MATCHES "^(unit|sim)$" AND NOT ARG_NO_TSAN)
    add_dependencies(tsan_tests ${name})
  endif()
  # Not one that the tsan preset does not build: it would be missed there.
  set(not_built FALSE)
  if(ARG_NO_TSAN AND "thread" IN_LIST HANDOFF_SANITIZE)
    set(not_built TRUE)
  endif()
  if(HANDOFF_WHOLE_PROGRAMS AND ARG_LABEL MATCHES "^(unit|integration)$" AND NOT not_built)
    set(shards 1)
    if(ARG_LABEL STREQUAL "integration")  # these wait more than they compute
      set(shards 4)
    endif()
    foreach(shard RANGE 1 ${shards})
      math(EXPR index "${shard} - 1")
      add_test(NAME ${name}.${shard} COMMAND ${name})
      set_tests_properties(${name}.${shard} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT 900
        ENVIRONMENT "${ARG_ENVIRONMENT};GTEST_TOTAL_SHARDS=${shards};GTEST_SHARD_INDEX=${index}")
    endforeach()
    return()
  endif()
  include(GoogleTest)
  gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT "${ARG_ENVIRONMENT}")
endfunction()
