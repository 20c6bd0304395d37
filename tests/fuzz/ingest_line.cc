// Any text as a line of an ingest file: refused with a reason, or validated and taken.
#include <cstdint>
#include <string_view>

#include "tests/fuzz/world.h"
#include "tools/cordon/document_json.h"

namespace cordon {
namespace {

void TryLine(FuzzWorld* world, const char* collection, std::string_view line) {
  JsonParser parser;
  v1::IngestRequest request;
  request.set_collection(collection);
  const Status read = ParseDocument(parser, line, request.add_documents());
  if (!read.ok()) {
    CORDON_CHECK(!read.message().empty());
    return;
  }
  world->WouldIngest(std::move(request));
}

}  // namespace
}  // namespace cordon

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static cordon::FuzzWorld world;  // ends before what its journal needs
  for (const char* collection : {"docs", "typed"}) {
    cordon::TryLine(&world, collection, {reinterpret_cast<const char*>(data), size});
  }
  return 0;
}
