#include "gateway/web/page.h"

#include <fmt/format.h>

#include <algorithm>

#include <page_files.h>  // generated from page/ by the build

namespace modelrun::gateway {
namespace {

constexpr std::string_view kFolder = "/page/";
// The page shows texts that a model has written. Even if one of them got into the page as code, this policy keeps the
// browser from running it and from sending anything to other servers; nor does it show the page inside another one.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const char* type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".txt")) return "text/plain; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  return "image/svg+xml";
}

HttpAnswer with_headers(HttpAnswer answer) {
  answer.headers.insert(answer.headers.end(), {{"Content-Security-Policy", kPolicy},
                                               {"Referrer-Policy", "no-referrer"},
                                               {"Cross-Origin-Resource-Policy", "same-origin"},
                                               {"Cache-Control", "no-cache"}});
  return answer;
}

HttpAnswer file_answer(const HttpRequest& request, const EmbeddedFile& file) {
  const auto etag = fmt::format("\"{}\"", file.sha256.substr(0, 32));
  const bool same = request.header("If-None-Match").value_or("").find(etag) != std::string_view::npos;
  HttpAnswer answer{.status = same ? 304 : 200, .content_type = type_of(file.name)};
  if (!same) answer.body = file.bytes;
  answer.headers.emplace_back("ETag", etag);
  return with_headers(std::move(answer));
}

}  // namespace

std::optional<HttpAnswer> page_answer(const HttpRequest& request, bool auth) {
  std::string_view name = request.path;
  if (request.method != "GET") return std::nullopt;
  if (name == "/") {
    name = "index.html";
  } else if (name.starts_with(kFolder)) {
    name.remove_prefix(kFolder.size());
  } else {
    return std::nullopt;
  }
  if (name == "settings.json") {
    return with_headers({.body = fmt::format(R"({{"auth":{},"version":"{}"}})", auth, MODELRUN_VERSION)});
  }
  const auto files = page_files();
  const auto file = std::ranges::find(files, name, &EmbeddedFile::name);
  if (file == files.end()) return std::nullopt;
  return file_answer(request, *file);
}

}  // namespace modelrun::gateway
