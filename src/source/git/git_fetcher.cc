#include "source/git/git_fetcher.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "source/git/archive_builder.h"
#include "source/git/session.h"
#include "source/message.h"
#include "source/ref.h"
#include "source/url.h"

namespace modelrun::source {
namespace {

constexpr std::size_t kMaxListing = 64U << 10U;

// What `git ls-remote --symref` says about one ref. Its output has lines of two forms: "ref: refs/heads/main TAB HEAD"
// and "<id> TAB <name>".
struct Listed {
  std::string symref;  // the ref that the wanted one (HEAD) points to; empty if it is not symbolic
  std::string commit;  // the commit of the wanted ref; empty if it is not listed
};

Listed find_ref(std::string_view text, std::string_view wanted) {
  Listed found;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t tab = line.find('\t');
    // ls-remote matches a pattern against the end of a name, so that it lists refs/x/refs/heads/main for
    // refs/heads/main too. Only the exact name counts.
    if (tab == std::string_view::npos || line.substr(tab + 1) != wanted) continue;
    const std::string_view value = line.substr(0, tab);
    if (value.starts_with("ref: ")) {
      found.symref = value.substr(5);
    } else if (is_commit(value)) {
      found.commit = value;
    }
  }
  return found;
}

constexpr std::string_view kHeads = "refs/heads/";

std::string branch_of(const std::string& symref) {
  if (!symref.starts_with(kHeads)) return {};
  std::string branch = symref.substr(kHeads.size());
  return check_branch(branch) ? branch : std::string{};
}

// The refs that `name` can stand for, the likeliest first. What is called a branch is often a tag, or a whole ref.
std::vector<std::string> refs_of(const std::string& name) {
  std::vector<std::string> refs{std::string(kHeads) + name};
  if (name.starts_with("refs/")) refs.push_back(name);
  refs.push_back("refs/tags/" + name);
  return refs;
}

// Of an annotated tag, ls-remote lists the commit under this name.
std::string peeled(const std::string& ref) {
  return ref + "^{}";
}

Result<std::string> list_refs(const GitSession& git, const std::vector<std::string>& refs,
                              const std::stop_token& stop) {
  std::vector<std::string> arguments{"ls-remote", "--quiet", "--symref", "--", git.url()};
  std::ranges::copy(refs, std::back_inserter(arguments));
  std::string text;
  const Sink sink = [&text](std::string_view bytes) -> Result<void> {
    if (text.size() + bytes.size() > kMaxListing) return fail(ErrorKind::kTooLarge, "the remote lists too many refs");
    text += bytes;
    return {};
  };
  RETURN_IF_ERROR(git.remote_command(std::move(arguments), sink, stop));
  return text;
}

Result<Resolved> resolve_head(const GitSession& git, const std::stop_token& stop) {
  const auto text = list_refs(git, {"HEAD"}, stop);
  RETURN_IF_ERROR(text);
  const auto head = find_ref(*text, "HEAD");
  if (!head.commit.empty()) return Resolved{ascii_lower(head.commit), branch_of(head.symref)};
  return fail(ErrorKind::kNotFound, "{} has no default branch: it is empty, or its HEAD points nowhere", git.url());
}

Result<Resolved> resolve_name(const GitSession& git, const std::string& name, const std::stop_token& stop) {
  const auto refs = refs_of(name);
  std::vector<std::string> wanted = refs;
  std::ranges::transform(refs, std::back_inserter(wanted), peeled);
  const auto text = list_refs(git, wanted, stop);
  RETURN_IF_ERROR(text);
  for (const auto& ref : refs) {
    const auto commit = find_ref(*text, ref).commit;
    if (commit.empty()) continue;
    const auto tagged = find_ref(*text, peeled(ref)).commit;
    return Resolved{ascii_lower(tagged.empty() ? commit : tagged),
                    ref.starts_with(kHeads) ? ref.substr(kHeads.size()) : ref};
  }
  constexpr std::string_view kOrigin = "origin/";
  const std::string hint = name.starts_with(kOrigin) ? fmt::format("; try '{}'", name.substr(kOrigin.size())) : "";
  return fail(ErrorKind::kNotFound, "{} has no branch or tag '{}'{}", git.url(), name, hint);
}

// Not every error has been through safe_message() yet.
template <class T>
Result<T> shortened_message(Result<T> result) {
  if (!result) result.error().message = safe_message(result.error().message, {});
  return result;
}

}  // namespace

Result<Resolved> GitFetcher::resolve(const Remote& remote, const std::optional<std::string>& branch,
                                     const std::stop_token& stop) {
  const auto url = parse_git_url(remote.url, policy_);
  RETURN_IF_ERROR(url);
  if (branch) {
    RETURN_IF_ERROR(check_branch(*branch));
  }
  const auto git = GitSession::open(remote, *url, {&policy_, scratch_, &lookup_, policy_.resolve_timeout}, stop);
  if (!git) return shortened_message(Result<Resolved>(std::unexpected(git.error())));
  return shortened_message(branch ? resolve_name(*git, *branch, stop) : resolve_head(*git, stop));
}

Result<FileDigest> GitFetcher::fetch(const Remote& remote, const std::string& commit, const ArchiveFiles& files,
                                     const std::stop_token& stop) {
  RETURN_IF_ERROR(check_commit(commit));
  const auto url = parse_git_url(remote.url, policy_);
  RETURN_IF_ERROR(url);
  const auto git = GitSession::open(remote, *url, {&policy_, scratch_, &lookup_, policy_.fetch_timeout}, stop);
  auto built = git ? build_archive(*git, commit, policy_, files, stop) : std::unexpected(git.error());
  if (!built) return shortened_message(Result<FileDigest>(std::unexpected(built.error())));
  return shortened_message(digest_file(files.archive));
}

}  // namespace modelrun::source
