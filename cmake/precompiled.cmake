# The standard library and the messages take 4 s to read, in nearly a hundred files of a build. So they
# are read once for the engine (cordon_journal owns that) and once for its tests, which are compiled
# otherwise. Each file still has to include what it needs, as `--preset debug` reads everything. So does
# who has ccache, which keeps little of what is made of headers read before.
if(CCACHE)
  set(CMAKE_DISABLE_PRECOMPILE_HEADERS ON)
endif()
# All who share them need it, or none.
add_compile_options(-pthread)

set(CORDON_READ_FIRST
  <algorithm> <array> <atomic> <chrono> <condition_variable> <deque> <filesystem> <fstream>
  <functional> <future> <map> <memory> <memory_resource> <mutex> <optional> <random> <set>
  <shared_mutex> <span> <sstream> <string> <string_view> <thread> <unordered_map> <unordered_set>
  <utility> <vector>)
foreach(proto journal/v1/record store/v1/mutation store/v1/records
    v1/admin v1/directory v1/embedding v1/ingest v1/policy v1/retrieval v1/types)
  list(APPEND CORDON_READ_FIRST <cordon/${proto}.pb.h>)
endforeach()

# cordon_read_first(TARGETS…): of the engine, and what calls it.
function(cordon_read_first)
  foreach(target ${ARGN})
    if(target STREQUAL "cordon_journal")
      target_precompile_headers(${target} PRIVATE ${CORDON_READ_FIRST})
    else()
      target_precompile_headers(${target} REUSE_FROM cordon_journal)
    endif()
  endforeach()
endfunction()
