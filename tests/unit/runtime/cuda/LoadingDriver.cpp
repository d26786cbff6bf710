// A driver for machines without a GPU, named as the real one: it has no device,
// and takes the code that cuDNN makes for a device that is described to it.
// cuDNN asks for all of these functions before it makes any.

extern "C" {

constexpr int success = 0, noDevice = 100;
static int loaded;

int cuGetErrorString(int, const char **text) {
  *text = "there is no device";
  return success;
}
int cuGetErrorName(int, const char **text) {
  *text = "CUDA_ERROR_NO_DEVICE";
  return success;
}
int cuLibraryLoadData(void **library) {
  *library = &loaded;
  return success;
}
int cuLibraryGetKernel(void **kernel) {
  *kernel = &loaded;
  return success;
}
int cuKernelGetFunction(void **function) {
  *function = &loaded;
  return success;
}
int cuKernelGetAttribute(int *value) {
  *value = 0;
  return success;
}
int cuLibraryUnload() { return success; }
int cuKernelSetAttribute() { return success; }
int cuFuncSetAttribute() { return success; }

#define NO_DEVICE(SYMBOL)                                                      \
  int SYMBOL() { return noDevice; }
NO_DEVICE(cuInit)
NO_DEVICE(cuDriverGetVersion)
NO_DEVICE(cuDeviceGetCount)
NO_DEVICE(cuDeviceGet)
NO_DEVICE(cuDeviceGetAttribute)
NO_DEVICE(cuCtxGetCurrent)
NO_DEVICE(cuCtxGetDevice)
NO_DEVICE(cuCtxGetLimit)
NO_DEVICE(cuCtxSetLimit)
NO_DEVICE(cuCtxPopCurrent)
NO_DEVICE(cuCtxPushCurrent)
NO_DEVICE(cuStreamGetCtx)
NO_DEVICE(cuLinkCreate)
NO_DEVICE(cuLinkAddData)
NO_DEVICE(cuLinkComplete)
NO_DEVICE(cuLinkDestroy)
NO_DEVICE(cuLaunchKernel)
NO_DEVICE(cuLaunchKernelEx)
NO_DEVICE(cuLaunchCooperativeKernel)
NO_DEVICE(cuLibraryLoadFromFile)
NO_DEVICE(cuOccupancyMaxPotentialClusterSize)
}
