export { type Fp8MatrixRef, fp8GroupedMatmulRef, fp8MatmulRef } from "./matmul.ref.ts";
