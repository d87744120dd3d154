// Reads the members of one JSON object, and notices those that nobody asked for. Internal to sweep/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sweep/exact_json.h"

namespace modelrun::sweep {

// The error of a field: kInvalid, "PATH: MESSAGE" as one printable line.
std::unexpected<Error> bad_field(std::string_view path, std::string_view message);
// The same for a value of the wrong type: "must be WANTED, not a text".
std::unexpected<Error> wrong_type(std::string_view path, std::string_view wanted, std::string_view value);

inline constexpr std::size_t kMaxNumberText = 64;  // bytes

// REQUIRES of all: `value` is an exact text. Each fails with bad_field() if it is not what the function's name says.
Result<std::string> read_string(std::string_view path, std::string_view value);
// The nearest binary64 to a number from -kMaxMagnitude to kMaxMagnitude that has at most kMaxNumberText bytes.
Result<double> read_number(std::string_view path, std::string_view value);
// A whole number from `least` to `most`, in any form: 1e3 and 1000.0 are whole, too. REQUIRES: `most` is at most
// kMaxSeed, so that it is exact as a binary64.
Result<std::uint64_t> read_whole(std::string_view path, std::string_view value, std::uint64_t least,
                                 std::uint64_t most);
// The elements of a list that has at least one; kTooLarge for more than `most`.
Result<std::vector<std::string_view>> read_list(std::string_view path, std::string_view value, std::size_t most);

// The object's text must outlive it. A member that is null counts as absent, as in the API server.
class Fields {
 public:
  // Fails if `value` is no object.
  static Result<Fields> of(std::string path, std::string_view value);

  // Whether the member is there and was not taken yet.
  bool has(std::string_view name);
  // The value of the member; nullopt if it is absent or was taken.
  std::optional<std::string_view> take(std::string_view name);
  // Fails if it is absent.
  Result<std::string_view> need(std::string_view name);
  Result<double> need_number(std::string_view name);
  Result<std::uint64_t> need_whole(std::string_view name, std::uint64_t least, std::uint64_t most);
  // Fails if a member is left that was not taken; the message has the names that were asked for. Call it at the end.
  [[nodiscard]] Result<void> finish() const;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path_of(std::string_view name) const { return path_ + "." + std::string(name); }

 private:
  Fields(std::string path, std::vector<JsonMember> members) : path_(std::move(path)), members_(std::move(members)) {}

  std::vector<JsonMember>::iterator look_for(std::string_view name);

  std::string path_;
  std::vector<JsonMember> members_;  // those that are left
  std::vector<std::string> asked_;
};

}  // namespace modelrun::sweep
