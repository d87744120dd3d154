// Reads the output of `git cat-file --batch` in pieces. The output must hold the requested blobs in the order of the
// requests, each with the size that `git ls-tree` reported.
//
// Usage:
//   BlobReader reader(entries, receiver);
//   // Run `git cat-file --batch` with reader.questions() as its input, and for each piece of its output:
//   reader.feed(piece);
//   // After the last piece:
//   reader.finish();
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "source/git/tree.h"

namespace modelrun::source {

// Used by one thread at a time. After an error the reader must not be fed again.
class BlobReader {
 public:
  using Entry = Tree::Nodes::value_type;
  // Called by feed(), for one entry after the other: begin() once, data() for each piece of the blob (never for an
  // empty blob), end() once. An error stops the reader and is returned by feed().
  struct Receiver {
    std::function<Result<void>(Entry&)> begin;
    std::function<Result<void>(Entry&, std::string_view)> data;
    std::function<Result<void>(Entry&)> end;
  };

  // Keeps the pointers. The entries belong to a Tree, which must outlive the reader and in which no entry may be
  // removed meanwhile. Node::object_id and Node::size must be those of `git ls-tree`.
  BlobReader(std::vector<Entry*> entries, Receiver receiver)
      : entries_(std::move(entries)), receiver_(std::move(receiver)) {}

  // The standard input for `git cat-file --batch`: one object id per line. Empty when there are no entries.
  [[nodiscard]] std::string questions() const;
  // Returns an error of the receiver, or kUnavailable when the output is not the expected one.
  Result<void> feed(std::string_view bytes);
  // Must be called after the last piece. kUnavailable when the output ended too early.
  [[nodiscard]] Result<void> finish() const;

 private:
  enum class State { kHeader, kData, kNewline };
  Result<void> feed_header(std::string_view& bytes);
  Result<void> feed_data(std::string_view& bytes);

  std::vector<Entry*> entries_;
  Receiver receiver_;
  std::size_t next_ = 0;
  State state_ = State::kHeader;
  std::string header_;
  std::uint64_t left_ = 0;
};

}  // namespace modelrun::source
