#include "source/git/git_fetcher.h"

#include <algorithm>

#include "base/encoding.h"
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
struct Listing {
  std::string symref;  // the ref that the wanted one (HEAD) points to; empty if it is not symbolic
  std::string commit;  // the commit of the wanted ref; empty if it is not listed
};

Listing parse_listing(std::string_view text, std::string_view wanted) {
  Listing listing;
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
      listing.symref = value.substr(5);
    } else if (is_commit(value)) {
      listing.commit = value;
    }
  }
  return listing;
}

std::string branch_of(const std::string& symref) {
  constexpr std::string_view heads = "refs/heads/";
  if (!symref.starts_with(heads)) return {};
  std::string branch = symref.substr(heads.size());
  return check_branch(branch) ? branch : std::string{};
}

Result<Resolved> ask_remote(const GitSession& git, const std::optional<std::string>& branch,
                            const std::stop_token& stop) {
  const std::string wanted = branch ? "refs/heads/" + *branch : "HEAD";
  std::string text;
  const Sink sink = [&text](std::string_view bytes) -> Result<void> {
    if (text.size() + bytes.size() > kMaxListing) return fail(ErrorKind::kTooLarge, "the remote lists too many refs");
    text += bytes;
    return {};
  };
  if (auto ran = git.remote_command({"ls-remote", "--quiet", "--symref", "--", git.url(), wanted}, sink, stop); !ran) {
    return std::unexpected(ran.error());
  }
  const Listing listing = parse_listing(text, wanted);
  if (listing.commit.empty()) {
    if (branch) return fail(ErrorKind::kNotFound, "{} has no branch '{}'", git.url(), *branch);
    return fail(ErrorKind::kNotFound, "{} has no default branch: it is empty, or its HEAD points nowhere", git.url());
  }
  return Resolved{ascii_lower(listing.commit), branch ? *branch : branch_of(listing.symref)};
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
  return shortened_message(git ? ask_remote(*git, branch, stop) : std::unexpected(git.error()));
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
