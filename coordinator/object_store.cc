#include "coordinator/object_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/mutex.h"
#include "common/status.h"
#include "common/text.h"
#include "common/unique_fd.h"

namespace handoff {
namespace {

constexpr size_t kChunk = 1 << 20;

absl::StatusOr<std::string> ReadAt(int fd, uint64_t offset, size_t max) {
  std::string data(max, '\0');
  size_t got = 0;
  while (got < max) {
    const ssize_t n = ::pread(fd, data.data() + got, max - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, "reading an object");
    if (n == 0) break;
    got += static_cast<size_t>(n);
  }
  data.resize(got);
  return data;
}

absl::StatusOr<absl::Time> TouchedAt(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return ErrnoToStatus(errno, absl::StrCat("stat ", path));
  return absl::TimeFromTimespec(info.st_mtim);
}

absl::Status CheckSha256(const std::string& sha256) {
  if (IsSha256Hex(sha256)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "'", OneLine(sha256, 80), "' names no object: 64 hexadecimal digits in lower case do"));
}

absl::Status NoObject(const std::string& sha256) {
  return absl::NotFoundError(absl::StrCat("there is no object ", sha256));
}

absl::Status Unlink(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoToStatus(errno, absl::StrCat("removing ", path));
  }
  return absl::OkStatus();
}

}  // namespace

struct ObjectStore::Impl {
  // The right to upload one object, given back when it is destroyed.
  class Claim {
   public:
    Claim(Impl& impl, std::string sha256)
        : impl_(impl), sha256_(std::move(sha256)), held_(Insert()) {}
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    ~Claim() {
      if (!held_) return;
      MutexLock lock(impl_.mutex);
      impl_.uploading.erase(sha256_);
    }
    bool held() const { return held_; }
    const std::string& sha256() const { return sha256_; }

   private:
    bool Insert() {
      MutexLock lock(impl_.mutex);
      return impl_.uploading.insert(sha256_).second;
    }
    Impl& impl_;
    const std::string sha256_;
    const bool held_;
  };
  class PartialUpload;

  Impl(std::string d, ObjectStoreOptions o) : directory(std::move(d)), options(std::move(o)) {}

  std::string FolderOf(const std::string& sha256) const {
    return absl::StrCat(directory, "/", sha256.substr(0, 2));
  }
  std::string PathOf(const std::string& sha256) const {
    return absl::StrCat(FolderOf(sha256), "/", sha256);
  }
  std::string partial() const { return absl::StrCat(directory, "/partial"); }
  std::string PartialOf(const std::string& sha256) const {
    return absl::StrCat(partial(), "/", sha256);
  }
  absl::Status HasRoomFor(uint64_t bytes) const;
  absl::Status MoveIntoPlace(const std::string& sha256) const;
  // Removes what lies in `folder` untouched since `before` and is not to be kept.
  absl::Status SweepFolder(const std::string& folder, absl::Time before,
                           const std::function<bool(const std::string&)>& keep);

  const std::string directory;
  const ObjectStoreOptions options;
  Mutex mutex;
  std::set<std::string> uploading ABSL_GUARDED_BY(mutex);
};

class ObjectStore::Impl::PartialUpload final : public ObjectStore::Upload {
 public:
  PartialUpload(Impl& impl, std::unique_ptr<Claim> claim, uint64_t size, UniqueFd fd)
      : impl_(impl), claim_(std::move(claim)), size_(size), fd_(std::move(fd)) {}

  // Reads what an earlier upload left. More than the announced size cannot be a part of it.
  absl::Status Continue() {
    while (true) {
      ASSIGN_OR_RETURN(const std::string data, ReadAt(fd_.get(), offset_, kChunk));
      if (data.empty()) break;
      hash_.Update(data);
      offset_ += data.size();
    }
    if (offset_ <= size_) return absl::OkStatus();
    offset_ = 0;
    hash_ = Sha256();
    if (::ftruncate(fd_.get(), 0) != 0) return ErrnoToStatus(errno, "emptying a partial upload");
    return absl::OkStatus();
  }

  uint64_t offset() const override { return offset_; }

  absl::Status Write(uint64_t offset, absl::string_view data) override {
    if (offset != offset_ || data.size() > size_ - offset_) {
      return absl::OutOfRangeError(absl::StrCat("the upload has ", offset_, " of ", size_,
                                                " bytes; ", data.size(), " bytes at ", offset,
                                                " do not follow; nothing was stored of them"));
    }
    RETURN_IF_ERROR(impl_.HasRoomFor(data.size()));
    RETURN_IF_ERROR(PWriteAll(fd_.get(), data, offset_));
    hash_.Update(data);
    offset_ += data.size();
    return absl::OkStatus();
  }

  absl::Status Finish() override {
    const std::string& sha256 = claim_->sha256();
    if (offset_ != size_) {
      return absl::FailedPreconditionError(
          absl::StrCat("the upload has ", offset_, " of ", size_, " bytes; send the rest"));
    }
    if (hash_.Hex() != sha256) return Drop("the bytes that arrived are not this object");
    // Before it is visible: an object that Has() knows is on the disk. After a failed sync a second
    // one may say yes to bytes that were lost.
    const absl::Status synced = impl_.options.sync(fd_.get());
    if (!synced.ok()) return Drop(synced.message());
    return impl_.MoveIntoPlace(sha256);
  }

 private:
  absl::Status Drop(absl::string_view why) {
    const std::string& sha256 = claim_->sha256();
    RETURN_IF_ERROR(Unlink(impl_.PartialOf(sha256)));
    return absl::DataLossError(absl::StrCat("object ", sha256, " was not stored: ", why,
                                            "; what arrived was dropped; send all of it again"));
  }

  Impl& impl_;
  const std::unique_ptr<Claim> claim_;
  const uint64_t size_;
  UniqueFd fd_;
  uint64_t offset_ = 0;
  Sha256 hash_;
};

absl::Status ObjectStore::Impl::HasRoomFor(uint64_t bytes) const {
  ASSIGN_OR_RETURN(const uint64_t free, FreeDiskBytes(directory));
  if (free >= options.reserve_bytes && free - options.reserve_bytes >= bytes) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("the coordinator's disk has ", HumanBytes(free), " left and keeps ",
                   HumanBytes(options.reserve_bytes), "; ", HumanBytes(bytes),
                   " were not stored. Free space there and try again"));
}

absl::Status ObjectStore::Impl::MoveIntoPlace(const std::string& sha256) const {
  const std::string folder = FolderOf(sha256);
  RETURN_IF_ERROR(MakeDirectories(folder));
  RETURN_IF_ERROR(SyncDirectory(directory));
  if (::rename(PartialOf(sha256).c_str(), PathOf(sha256).c_str()) != 0) {
    return ErrnoToStatus(errno, absl::StrCat("moving object ", sha256, " into place"));
  }
  return SyncDirectory(folder);
}

absl::Status ObjectStore::Impl::SweepFolder(const std::string& folder, absl::Time before,
                                            const std::function<bool(const std::string&)>& keep) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(folder));
  for (const std::string& name : names) {
    if (!IsSha256Hex(name)) continue;
    const std::string path = absl::StrCat(folder, "/", name);
    // Whoever uploads or begins with this object now has to wait, or has touched it before.
    const Claim claim(*this, name);
    if (!claim.held()) continue;
    const absl::StatusOr<absl::Time> touched = TouchedAt(path);
    if (absl::IsNotFound(touched.status())) continue;
    RETURN_IF_ERROR(touched.status());
    if (*touched < before && !keep(name)) RETURN_IF_ERROR(Unlink(path));
  }
  return absl::OkStatus();
}

ObjectStore::ObjectStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ObjectStore::~ObjectStore() = default;

absl::StatusOr<std::unique_ptr<ObjectStore>> ObjectStore::Open(const std::string& directory,
                                                               ObjectStoreOptions options) {
  if (!options.sync) options.sync = SyncData;
  auto impl = std::make_unique<Impl>(directory, std::move(options));
  RETURN_IF_ERROR(MakeDirectories(impl->partial()));
  RETURN_IF_ERROR(SyncDirectory(absl::StrCat(directory, "/..")));
  return std::unique_ptr<ObjectStore>(new ObjectStore(std::move(impl)));
}

absl::StatusOr<std::unique_ptr<ObjectStore::Upload>> ObjectStore::Begin(const std::string& sha256,
                                                                        uint64_t size) {
  RETURN_IF_ERROR(CheckSha256(sha256));
  if (size > kMaxBytes) {
    return absl::InvalidArgumentError(absl::StrCat("an object of ", HumanBytes(size),
                                                   " is larger than the allowed ",
                                                   HumanBytes(kMaxBytes), "; it was not stored"));
  }
  auto claim = std::make_unique<Impl::Claim>(*impl_, sha256);
  if (!claim->held()) {
    return absl::AbortedError(
        absl::StrCat("object ", sha256, " is being uploaded or swept already; try again"));
  }
  if (::utimensat(AT_FDCWD, impl_->PathOf(sha256).c_str(), nullptr, 0) == 0) return nullptr;
  RETURN_IF_ERROR(impl_->HasRoomFor(size));
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(impl_->PartialOf(sha256), O_RDWR | O_CREAT | O_NOFOLLOW));
  auto upload =
      std::make_unique<Impl::PartialUpload>(*impl_, std::move(claim), size, std::move(fd));
  RETURN_IF_ERROR(upload->Continue());
  return upload;
}

bool ObjectStore::Has(const std::string& sha256) const {
  return IsSha256Hex(sha256) && PathExists(impl_->PathOf(sha256));
}

absl::StatusOr<uint64_t> ObjectStore::Size(const std::string& sha256) const {
  RETURN_IF_ERROR(CheckSha256(sha256));
  absl::StatusOr<uint64_t> size = FileSize(impl_->PathOf(sha256));
  if (absl::IsNotFound(size.status())) return NoObject(sha256);
  return size;
}

absl::StatusOr<std::string> ObjectStore::Read(const std::string& sha256, uint64_t offset,
                                              size_t max) const {
  RETURN_IF_ERROR(CheckSha256(sha256));
  const absl::StatusOr<UniqueFd> fd = OpenFile(impl_->PathOf(sha256), O_RDONLY | O_NOFOLLOW);
  if (absl::IsNotFound(fd.status())) return NoObject(sha256);
  RETURN_IF_ERROR(fd.status());
  return ReadAt(fd->get(), offset, max);
}

absl::Status ObjectStore::SweepImpl(absl::Time before,
                                    const std::function<bool(const std::string&)>& referenced) {
  RETURN_IF_ERROR(
      impl_->SweepFolder(impl_->partial(), before, [](const std::string&) { return false; }));
  ASSIGN_OR_RETURN(const std::vector<std::string> folders, ListDirectory(impl_->directory));
  for (const std::string& folder : folders) {
    if (folder.size() != 2) continue;
    RETURN_IF_ERROR(
        impl_->SweepFolder(absl::StrCat(impl_->directory, "/", folder), before, referenced));
  }
  return absl::OkStatus();
}

}  // namespace handoff
