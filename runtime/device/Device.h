// Third of the three small interfaces that a backend fills: the device itself.
// A new backend is a folder runtime/<kind>/ and one line in DeviceRegistry.
#ifndef DLC_RUNTIME_DEVICE_DEVICE_H
#define DLC_RUNTIME_DEVICE_DEVICE_H

#include "runtime/artifact/Reader.h"
#include "runtime/device/Allocator.h"
#include "runtime/device/Stream.h"

#include <memory>
#include <string>
#include <string_view>

namespace dlc::rt {

/// Kernels of one artifact, loaded on one device; shared by sessions.
class LoadedCode {
public:
  virtual ~LoadedCode() = default;
  /// Where the device reads the artifact's constants; null: where they lie in
  /// the artifact.
  virtual std::byte *constants() const { return nullptr; }
};

/// Lives for the whole process; any thread may use it.
class Device {
public:
  virtual ~Device() = default;
  /// "cpu".
  virtual std::string_view kind() const = 0;
  /// Its maker's name for it, by which a tuning knows it again.
  virtual std::string name() const { return std::string(kind()); }
  /// The kind of target whose plans it runs.
  virtual std::string_view targetKind() const { return kind(); }
  /// Whether its streams return before the work is done.
  virtual bool worksBesideHost() const { return false; }
  virtual Allocator &allocator() = 0;
  /// Memory of the host that this device can copy from and to while it works.
  virtual Allocator &hostAllocator() = 0;
  /// Checks the artifact's target against this machine, then loads its code.
  virtual Result<std::shared_ptr<const LoadedCode>>
  loadCode(const Artifact &artifact) = 0;
  /// A stream on `threads` threads (0: the default count).
  virtual Result<std::unique_ptr<Stream>>
  createStream(std::shared_ptr<const LoadedCode> code, int threads) = 0;
};

} // namespace dlc::rt

#endif // DLC_RUNTIME_DEVICE_DEVICE_H
