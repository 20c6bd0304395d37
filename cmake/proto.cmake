# The protobuf messages are one library and the gRPC stubs another: each .proto has one owner.
find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
if(CORDON_SERVER)
  find_package(gRPC CONFIG REQUIRED)
  find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
endif()

file(GLOB_RECURSE CORDON_PROTOS CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/proto/*.proto)
set(CORDON_GEN ${CMAKE_BINARY_DIR}/gen)
file(MAKE_DIRECTORY ${CORDON_GEN})

foreach(proto ${CORDON_PROTOS})
  file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR}/proto ${proto})
  string(REPLACE ".proto" "" stem ${path})
  set(outputs ${CORDON_GEN}/${stem}.pb.cc ${CORDON_GEN}/${stem}.pb.h)
  set(grpc_args "")
  file(STRINGS ${proto} services REGEX "^service ")
  if(services AND CORDON_SERVER)
    list(APPEND outputs ${CORDON_GEN}/${stem}.grpc.pb.cc ${CORDON_GEN}/${stem}.grpc.pb.h)
    set(grpc_args --grpc_out=${CORDON_GEN} --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN})
    list(APPEND CORDON_GRPC_SOURCES ${CORDON_GEN}/${stem}.grpc.pb.cc)
  endif()
  list(APPEND CORDON_PROTO_SOURCES ${CORDON_GEN}/${stem}.pb.cc)
  add_custom_command(
    OUTPUT ${outputs}
    COMMAND protobuf::protoc -I ${PROJECT_SOURCE_DIR}/proto --cpp_out=${CORDON_GEN} ${grpc_args} ${path}
    DEPENDS ${CORDON_PROTOS}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}/proto
    VERBATIM)
endforeach()

add_library(cordon_proto STATIC ${CORDON_PROTO_SOURCES})
target_include_directories(cordon_proto SYSTEM PUBLIC ${CORDON_GEN})
target_link_libraries(cordon_proto PUBLIC protobuf::libprotobuf)
# Two statics have the same names in all that protoc writes: in one unit each gets its own.
set_target_properties(cordon_proto PROPERTIES
  UNITY_BUILD_UNIQUE_ID CORDON_PROTO
  UNITY_BUILD_CODE_BEFORE_INCLUDE "#include <google/protobuf/generated_message_reflection.h>
#define CORDON_JOINED(a, b) a##b
#define CORDON_JOIN(a, b) CORDON_JOINED(a, b)
#define schemas CORDON_JOIN(CORDON_PROTO, _schemas)
#define file_default_instances CORDON_JOIN(CORDON_PROTO, _default_instances)")
# As libprotobuf is not checked, its generated code need not be: a third of g++'s time to compile it.
# ThreadSanitizer would not see what it orders.
if(CORDON_SANITIZE MATCHES "address")
  target_compile_options(cordon_proto PRIVATE -fno-sanitize=all)
endif()

if(CORDON_SERVER)
  add_library(cordon_grpc STATIC ${CORDON_GRPC_SOURCES})
  target_link_libraries(cordon_grpc PUBLIC cordon_proto gRPC::grpc++)
endif()
