// The forms that Conv.h describes, behind one function each. A form that does
// not fit a record answers with a null plan.
#ifndef DLC_RUNTIME_CPU_CONVFORMS_H
#define DLC_RUNTIME_CPU_CONVFORMS_H

#include "runtime/cpu/Conv.h"

#include <cstdint>
#include <vector>

namespace dlc::rt {

/// A Conv record in the terms that the forms share.
struct ConvShape {
  explicit ConvShape(const fb::ConvT &conv);

  fb::ConvT conv;
  uint64_t elementBytes;
  int64_t inPositions, outPositions, taps;
  int64_t weightElements;

  size_t rank() const { return conv.kernel.size(); }
};

using ConvPlanResult = Result<std::unique_ptr<ConvPlan>>;

ConvPlanResult createPointwiseConv(LibraryContext &context,
                                   const ConvShape &shape,
                                   const ConvPointers &at);
ConvPlanResult createPositionConv(LibraryContext &context,
                                  const ConvShape &shape,
                                  const ConvPointers &at);
ConvPlanResult createDirectConv(LibraryContext &context, const ConvShape &shape,
                                const ConvPointers &at);

/// 16-bit floats on a CPU that does not multiply them: the f32 convolution
/// between copies in the workspace.
ConvPlanResult createWidenedConv(LibraryContext &context,
                                 const ConvShape &shape,
                                 const ConvPointers &at);

/// Copies weights between two layouts, in chunks of output channels that run
/// in parallel; `pad` elements of a blocked layout are set to zero.
class WeightReorder {
public:
  /// Both descriptions have dims [O, C, *kernel] or [G, O/G, C/G, *kernel];
  /// `chunks` > 1 is a wish that blocked layouts may not allow.
  static Result<WeightReorder> create(LibraryContext &context,
                                      const dnnl::memory::desc &from,
                                      const dnnl::memory::desc &to,
                                      int64_t chunks);
  void run(LibraryContext &context, const ThreadPool &pool,
           const std::byte *from, std::byte *to, CallFailures &failures) const;

private:
  struct Piece {
    const BoundPrimitive *primitive;
    int64_t fromBytes, toBytes; // offsets of the piece
  };
  std::vector<Piece> pieces;
};

/// out[j] = sum over rows, in f32, of values[row * columns + j], rows ascending.
void sumRows(const ThreadPool &pool, fb::DType type, const std::byte *values,
             int64_t rows, int64_t columns, std::byte *out);

} // namespace dlc::rt

#endif // DLC_RUNTIME_CPU_CONVFORMS_H
