// What a ModelProject and a ModelRun say about the source: a URL, a branch, a commit; and numeric addresses, which a
// name server gives.
#include "fuzz/fuzz.h"

#include <algorithm>

#include "base/dns_label.h"
#include "base/endpoint.h"
#include "source/git/address.h"
#include "source/ref.h"
#include "source/url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelrun;
  const auto text = fuzz::text_of(data, size);
  source::Policy policy;
  policy.allow_http = policy.allow_file = true;
  const auto plain = [](std::string_view part) {
    return std::ranges::all_of(part, [](char c) { return c > ' ' && c < '\x7f' && c != '\\' && c != '#' && c != '?'; });
  };
  if (const auto url = source::parse_git_url(text, policy)) {
    const auto normal = url->text();
    const auto again = source::parse_git_url(normal, policy);
    fuzz::expect(again && again->text() == normal && again->origin() == url->origin(), "a URL is a fixed point");
    fuzz::expect(plain(normal) && normal.find('@') >= normal.find('/', normal.find("//") + 2), "a URL is plain");
    fuzz::expect(url->path.starts_with('/') && (url->path + '/').find("/../") == std::string::npos, "a path is clean");
  } else {
    fuzz::expect(url.error().kind == ErrorKind::kDenied && fuzz::is_printable(url.error().message), "a URL is denied");
  }
  if (source::check_branch(text)) {
    fuzz::expect(size > 0 && size <= 250 && text.front() != '-' && text != "HEAD" && text != "@", "a branch is a name");
    fuzz::expect(text.find_first_of(std::string_view(" ~^:?*[\\\x7f\0\n", 11)) == std::string_view::npos &&
                     text.find("..") == std::string_view::npos && text.find("@{") == std::string_view::npos &&
                     !text.ends_with(".lock") && !text.ends_with('/'),
                 "a branch is valid for git");
  }
  fuzz::expect(source::is_commit(text) == source::check_commit(text).has_value(), "both checks of a commit agree");
  fuzz::expect(!source::is_commit(text) || size == 40 || size == 64, "a commit is a full id");
  if (source::address_kind(text) != source::AddressKind::kNever) {
    const auto digits = text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
    fuzz::expect(digits, "only a numeric address may be connected to");
  }
  fuzz::expect(!is_dns_label(text) || (size <= 63 && plain(text)), "a label is plain");
  if (const auto endpoint = parse_endpoint(std::string(text))) {
    fuzz::expect(!endpoint->address.empty(), "an endpoint has an address");
  }
  return 0;
}
