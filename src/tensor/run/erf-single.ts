/**
 * The error function to single precision, for devices that store f32.
 *
 * A rational function of `x^2` times `x`: relative error below 7e-8 for every x (an f32 is good to 6e-8), at a few
 * nanoseconds where `erf.ts` takes tens. Coefficients as in XLA's `ErfImpl32` (Apache License 2.0), after Eigen.
 */

/** From here on erf is 1 to single precision. */
const end = 4

export const erfSingle = (v: number): number => {
  const x = Math.min(end, Math.max(-end, v))
  const s = x * x
  const p =
    -1.60960333262415e-2 +
    s *
      (-2.95459980854025e-3 +
        s *
          (-7.34990630326855e-4 +
            s *
              (-5.69250639462346e-5 +
                s * (-2.10102402082508e-6 + s * (2.77068142495902e-8 + s * -2.72614225801306e-10)))))
  const q =
    -1.42647390514189e-2 +
    s * (-7.37332916720468e-3 + s * (-1.68282697438203e-3 + s * (-2.13374055278905e-4 + s * -1.45660718464996e-5)))
  return (x * p) / q
}
