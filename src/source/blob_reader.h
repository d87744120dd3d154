// Reads the output of `git cat-file --batch` in pieces: the blobs that were asked for, in that order, each with the
// size that ls-tree promised.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "source/tree.h"

namespace modelrun::source {

class BlobReader {
 public:
  using Entry = Tree::Nodes::value_type;
  struct Receiver {
    std::function<Result<void>(Entry&)> begin;
    std::function<Result<void>(Entry&, std::string_view)> data;
    std::function<Result<void>(Entry&)> end;
  };

  // The entries belong to a Tree that must not change meanwhile.
  BlobReader(std::vector<Entry*> entries, Receiver receiver)
      : entries_(std::move(entries)), receiver_(std::move(receiver)) {}

  // What `git cat-file --batch` gets on its standard input.
  [[nodiscard]] std::string questions() const;
  // An error of the receiver, or kUnavailable when git's answer is not the one expected.
  Result<void> feed(std::string_view bytes);
  // Call after the last piece.
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
