#include "gateway/web/message_head.h"

#include <limits>
#include <utility>

namespace modelrun::gateway::mcp {
namespace {

using nlohmann::json;

class HeadFinder final : public nlohmann::json_sax<json> {
 public:
  // A doubled id is none.
  [[nodiscard]] MessageHead head() && { return {ids_ == 1 ? std::move(id_) : json(), std::move(method_)}; }

  bool null() override { return value(nullptr); }
  bool boolean(bool) override { return value(nullptr); }
  bool number_integer(number_integer_t number) override { return value(number); }
  bool number_unsigned(number_unsigned_t number) override {
    // A larger one may be what is refused: it cannot be given back.
    return value(number <= std::numeric_limits<std::int64_t>::max() ? json(number) : json());
  }
  bool number_float(number_float_t, const string_t&) override { return value(nullptr); }
  bool string(string_t& text) override {
    // Of another member, or longer than any id or method: nothing of it is kept.
    return value(key_.empty() || text.size() > kMaxIdBytes ? json() : json(text));
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return begin(); }
  bool end_object() override { return end(); }
  bool start_array(std::size_t) override { return begin(); }
  bool end_array() override { return end(); }
  bool key(string_t& text) override {
    if (depth_ == 1) key_ = text == "id" || text == "method" ? text : std::string();
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  bool value(const json& found) {
    const auto here = std::exchange(key_, {});
    if (here == "id" && ++ids_ == 1) id_ = found;
    if (here == "method" && found.is_string()) method_ = found.get<std::string>();
    return true;
  }
  bool begin() {
    key_.clear();
    ++depth_;
    return true;
  }
  bool end() {
    --depth_;
    return true;
  }

  json id_;
  std::string method_;
  int ids_ = 0;
  int depth_ = 0;
  std::string key_;  // the member of the message whose value comes next, if it is one that is looked for
};

}  // namespace

MessageHead find_message_head(std::string_view body) {
  HeadFinder finder;
  json::sax_parse(body, &finder);
  return std::move(finder).head();
}

}  // namespace modelrun::gateway::mcp
