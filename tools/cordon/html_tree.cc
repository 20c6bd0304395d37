#include "tools/cordon/html_tree.h"

#include <time.h>

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace cordon {

namespace {

// What a page may cost, by its length. The densest honest one takes 100 bytes of tree for each byte
// and a fifth of a second of processor time for each MiB.
constexpr size_t kTreeBytesBase = 16 << 20;
constexpr size_t kTreeBytesPerByte = 128;
constexpr int64_t kParseNanosBase = 1'000'000'000;
constexpr int64_t kParseNanosPerByte = 1000;
constexpr size_t kAllocationsPerLook = 256;  // a look at the clock costs more than an allocation

int64_t ProcessorNanos() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

}  // namespace

// Every block that gumbo holds, in a ring, so that they can be freed without walking the tree.
class HtmlArena {
 public:
  explicit HtmlArena(size_t page_bytes)
      : bytes_max_(kTreeBytesBase + kTreeBytesPerByte * page_bytes),
        nanos_end_(ProcessorNanos() + kParseNanosBase +
                   kParseNanosPerByte * static_cast<int64_t>(page_bytes)) {
    ring_.next = ring_.previous = &ring_;
  }
  ~HtmlArena() {
    while (ring_.next != &ring_) Free(ring_.next + 1);
  }
  HtmlArena(const HtmlArena&) = delete;
  HtmlArena& operator=(const HtmlArena&) = delete;

  // Null if parsing was given up. gumbo is C and cannot be told that there is no memory; longjmp is
  // the way out of it, over C frames only, and the ring owns what they leave behind.
  const GumboOutput* Parse(std::string_view page) {
    GumboOptions options = kGumboDefaultOptions;
    options.allocator = [](void* arena, size_t size) {
      return static_cast<HtmlArena*>(arena)->Allocate(size);
    };
    options.deallocator = [](void* arena, void* block) {
      static_cast<HtmlArena*>(arena)->Free(block);
    };
    options.userdata = this;
    options.max_errors = 0;
    if (setjmp(given_up_) != 0) return nullptr;
    return gumbo_parse_with_options(&options, page.data(), page.size());
  }

 private:
  struct alignas(std::max_align_t) Block {
    Block* next;
    Block* previous;
    size_t size;
  };

  void* Allocate(size_t size) {
    bytes_ += size + sizeof(Block);
    const bool look = ++allocations_ % kAllocationsPerLook == 0;
    if (bytes_ > bytes_max_ || (look && ProcessorNanos() > nanos_end_)) {
      longjmp(given_up_, 1);
    }
    auto* block = static_cast<Block*>(malloc(sizeof(Block) + size));
    if (block == nullptr) longjmp(given_up_, 1);
    *block = {ring_.next, &ring_, size};
    ring_.next->previous = block;
    ring_.next = block;
    return block + 1;
  }

  void Free(void* bytes) {
    if (bytes == nullptr) return;
    Block* block = static_cast<Block*>(bytes) - 1;
    block->next->previous = block->previous;
    block->previous->next = block->next;
    bytes_ -= block->size + sizeof(Block);
    free(block);
  }

  Block ring_{};
  size_t bytes_ = 0;
  size_t allocations_ = 0;
  const size_t bytes_max_;
  const int64_t nanos_end_;
  std::jmp_buf given_up_;
};

HtmlTree::HtmlTree(std::unique_ptr<HtmlArena> arena) : arena_(std::move(arena)) {}
HtmlTree::HtmlTree(HtmlTree&&) noexcept = default;
HtmlTree::~HtmlTree() = default;

StatusOr<HtmlTree> HtmlTree::Parse(std::string_view page) {
  HtmlTree tree(std::make_unique<HtmlArena>(page.size()));
  const GumboOutput* output = tree.arena_->Parse(page);
  if (output == nullptr) {
    return Invalid("text",
                   "the HTML costs too much to parse (its elements nest too deep); simplify it");
  }
  tree.root_ = output->root;
  return tree;
}

}  // namespace cordon
