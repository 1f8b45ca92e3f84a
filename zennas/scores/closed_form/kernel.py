"""The recursion of the closed form, convolution by convolution; `docs/closed-form.md` derives each step.

Compiled by numba where it is installed; the same code runs without it, some hundred times slower.

The state between two convolutions, of activations after batch norm (mean energy 1):

- `u`: profile of the energy along one side of the map, mean 1; the map's profile is u(x)·u(y). `w` is its root.
- `dp`: profile of 1 − correlation of the two passes; `delta` its energy-weighted mean.
- `F`, `kb`: energies of a few classes of images, and their coherent (map-wide) part. `ratio`: the relative variance of
  the energy within such an image, over the mean one: hot images are also the uneven ones.
- `S`, `W`, `l2`: relative variance of the energy within an image, shared by all channels: a smooth part with its
  squared correlation length, and a white part. `iI`, `iS`, `iW`, `l2i`: the same of one channel alone.
- `RI`, `RS`, `RW`, `Ri`: mean squared correlation of two activations, in the same parts; `Q`: of an activation with
  the difference of the passes. `rS`, `rW`: coherent share of the energy at local scale; `rP`: the profile's.
- `pr`: relative spread of a channel's variance between channels.
- `tilt`: how far a channel that leans the way of the mean direction has its energy in its positive half.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from zennas.optional_dependencies import installed
from zennas.scores.closed_form.geometry import GRID

Function = TypeVar("Function", bound=Callable[..., Any])


def _jit(function: Function) -> Function:
    if not installed("numba"):
        return function
    import numba

    # No fastmath: reordered sums would depend on where arrays lie in memory, and a search must repeat to the bit.
    compiled: Function = numba.njit(cache=True, error_model="numpy")(function)
    return compiled


M0 = 1 / math.sqrt(2 * math.pi)
"""E relu(z) of a standard Gaussian."""
M2 = M0 * M0
OWN_TILT = M2 * (1 + 4 * M2) / (0.5 - M2) ** 1.5
"""2 M₀ times the skewness of ReLU of a standard Gaussian: what a single input adds to a channel's tilt."""

# Columns of a chain's rows.
C_IN, C_OUT, KERNEL, STRIDE, GROUPS, KIND, GEOMETRY = range(7)
LINEAR, RELU, POOL = 0, 1, 2
"""KIND: a convolution without or with ReLU after it, or a max pool."""
_INPUT, _RELU, _LINEAR, _MAX = 0, 1, 2, 3


@_jit
def _half_minus_kappa(d: float) -> float:
    """½ − κ(1 − d): half the mean squared difference of ReLU of two Gaussians, without cancellation at small d."""
    if d > 1e-3:
        r = max(-1.0, 1.0 - d)
        return 0.5 - (math.sqrt(max(0.0, 1.0 - r * r)) + r * (math.pi - math.acos(r))) / (2 * math.pi)
    angle = math.sqrt(2 * d) * (1 + d / 12)
    return d / 2 - angle * angle * angle / (6 * math.pi)


@_jit
def _local_loss(c: float, k: float, a: float, ph: float) -> float:
    """Variance `c` of the local energy once per-channel batch norm has removed part of its coherent share `k`."""
    if c < 1e-9:
        return c
    e2 = 1 / math.sqrt(math.sqrt(1 + c))
    ratio = min(((1 + c) - 2 / e2 + e2) / (1 - e2) - 1, 50.0)
    return max(0.3 * c, a * a * c - 2 * a * (a - ph) * k * ratio + (a - ph) * (a - ph) * k * k * ratio)


@_jit
def _gain(c: float, yl: float, vl: float, relu: bool) -> float:
    """Covariance of two local energies after ReLU, from their covariance `c` before."""
    if not relu:
        return c
    root = math.sqrt(1 + c)
    return (0.25 * c - 2 * yl * (root - 1) + 4 * yl * yl * (math.sqrt(root) - 1)) * vl


@_jit
def _window(smooth: float, white: float, l2: float, size: int, k: int, s: int, table: Any) -> tuple[float, float]:
    """k×k average of a local field: its variance, all of it smooth now, and its squared correlation length."""
    if k == 1:
        return smooth, l2 / (s * s)
    root = math.sqrt(l2)
    x = root / (root + table[2]) * GRID
    i = min(int(x), GRID - 1)
    keep = table[4 + i] * (1 - (x - i)) + table[5 + i] * (x - i)
    a = smooth * keep if smooth > 0 else 0.0
    b = white * table[1]
    grown = (k * k - 1) / 6.0
    length2 = (a * (l2 + grown) + b * grown) / (a + b + 1e-30)
    return a + b, min(length2, size * size / 4.0) / (s * s)


@_jit
def _window_sum(values: Any, size: int, k: int, s: int, result: Any, out: int) -> float:
    """Sum over each window's taps inside the map; returns the mean of the sums."""
    pad = (k - 1) // 2
    total = 0.0
    for i in range(out):
        first = max(0, i * s - pad)
        last = min(size, i * s - pad + k)
        part = 0.0
        for j in range(first, last):
            part += values[j]
        result[i] = part
        total += part
    return total / out


@_jit
def score_chain(
    rows: Any, resolution: int, batch: int, alpha: float, wt: Any, qn: Any, geometry: Any, pools: Any, logs: Any
) -> float:
    """Expected Zen-score of one chain; fills `logs` with the expected ½·log σ̄² of every convolution.

    Args:
        rows: int64 n×7, see the column names above.
        wt: weights of the image classes; qn: their normal scores.
        geometry: rows of `geometry_row`, indexed by the GEOMETRY column.
        pools: mean and variance of a max pool's output, by kernel.
    """
    classes = len(wt)
    h = resolution
    u, w, dp = np.ones(h), np.ones(h), np.empty(h)
    un, hm, sums, A, Bx, hs = np.empty(h), np.empty(h), np.empty(32), np.empty(h), np.empty(h), np.empty(h)
    F, kb, sF = np.ones(classes), np.zeros(classes), np.ones(classes)
    Fn, kn, src = np.ones(classes), np.zeros(classes), np.zeros(classes)
    ratio, carried, fresh = np.ones(classes), np.zeros(classes), np.zeros(classes)
    delta = 1 - 1 / math.sqrt(1 + alpha * alpha)
    dp[:] = delta
    S = W = l2 = iI = iS = iW = l2i = 0.0
    RI = RS = RW = l2R = Ri = rS = rW = rP = Q = pr = tilt = 0.0
    act, pool, groups_before, last, count = _INPUT, 0, 1, 1.0, 0
    total = 0.0
    for index in range(len(rows)):
        ci, co, k, s = rows[index, C_IN], rows[index, C_OUT], rows[index, KERNEL], rows[index, STRIDE]
        g, kind, table = rows[index, GROUPS], rows[index, KIND], geometry[rows[index, GEOMETRY]]
        o = (h + s - 1) // s
        if kind == POOL:
            mean = 0.0
            for i in range(h):
                mean += dp[i]
            for i in range(o):
                u[i] = w[i] = 1.0
                dp[i] = mean / h
            h, act, pool = o, _MAX, k
            continue
        fan = ci // g
        relu = act == _RELU
        tL, ti = S + W, iI + iS + iW
        t1 = 1 + tL + ti
        wp = U2 = U15 = 0.0
        for i in range(h):
            wp += w[i]
            U2 += u[i] * u[i]
            U15 += u[i] * w[i]
        wp /= h
        U2 = (U2 / h) ** 2
        U15 = (U15 / h) ** 2
        tt = t1 * U2  # with the profile's part of the unevenness
        # E√G of a lognormal local energy G; per-channel batch norm narrows it.
        ef = (1 + pr / 8) / math.sqrt(math.sqrt(math.sqrt(t1)))
        eF = F2 = F15 = mk = mFk = msk = 0.0
        for b in range(classes):
            sF[b] = math.sqrt(F[b])
            eF += wt[b] * sF[b]
            F2 += wt[b] * F[b] * F[b]
            F15 += wt[b] * F[b] * sF[b]
            mk += wt[b] * kb[b]
            mFk += wt[b] * F[b] * kb[b]
            msk += wt[b] * sF[b] * kb[b]
        # 1. Moments of the activation, and how it maps energies.
        y = m = mm = 0.0
        q = v = vl = gam = gD = level = 1.0
        yl = 0.0
        f2, c2 = F2, 2 * F2
        if relu:
            y = M0 * ef * wp * wp  # mean activation of an image of energy 1
            m, q = y * eF, 0.5
            v = 0.5 - m * m
            yl = y * y
            vl = 1 / ((0.5 - yl) * (0.5 - yl))
            yy = M0 * ef * U15
            even, my, mm2 = 1 / tt, m * y, m * m
            f2 = norm = sum_c = sum_f = 0.0
            for b in range(classes):
                half, root = 0.5 * F[b], my * sF[b]
                after = half - 2 * root + mm2
                f2 += wt[b] * after * after
                src[b] = (y * sF[b] - m) * (y * sF[b] - m) / v
                # Fluctuations live where the profile is high; an uneven image has a smaller mean activation.
                uneven = math.sqrt(math.sqrt(math.sqrt(even + (1 - even) * ratio[b])))
                Fn[b] = U2 * half - 2 * m * yy * sF[b] / uneven + mm2
                norm += wt[b] * Fn[b]
                # Local variance of this image that is carried on (slope of f), and that finite width adds.
                slope = half - root
                carried[b] = ratio[b] * slope * slope
                fresh[b] = F[b] * (3 * half - 8 * root + 3 * mm2) - 4 * mm2 * root + mm2 * mm2 - after * after
                sum_c += wt[b] * carried[b]
                sum_f += wt[b] * fresh[b]
            if g > 1 and tilt > 0:
                # A grouped convolution gives each group the same weight: channels whose positive half is hot lose
                # the part that their larger variance after ReLU would give them.
                lean = tilt / (2 * fan * v * math.sqrt(v))
                norm = 0.0
                for b in range(classes):
                    x = lean * (y * sF[b] - m) * (2 * M0 * sF[b] - m)
                    Fn[b] = max(Fn[b] - x, 0.1 * Fn[b])
                    norm += wt[b] * Fn[b]
                level = max(1 - lean * y * (2 * M0 - m) / (2 * v), 0.1) ** 2
            tilt = 0.0
            if index + 1 < len(rows) and rows[index + 1, GROUPS] > 1:
                tilt = 4 * M0 * (M0 - m * ef * eF * wp * wp) / math.sqrt(v) + OWN_TILT / (fan * k * k)
            for b in range(classes):
                Fn[b] /= norm
            st = math.sqrt(t1)
            cov = 0.25 * F2 * (t1 - 1) - 2 * m * y * F15 * (st - 1) + 4 * yl * m * m * (math.sqrt(st) - 1)
            Vh = 1.5 * F2 * t1 / (1 + pr) - 8 * m * y * F15 * st + 3 * m * m - 4 * m**3 * y * eF + m**4 - cov - f2
            Vh = max(0.0, Vh)
            c2 = 0.5 * (F2 - 4 * m * y * F15 + 4 * m * m * yl)
            gam, gD = 0.25 / v, 0.125 / v
            mm = M0 * ef * eF
            for i in range(h):
                hm[i] = u[i] * _half_minus_kappa(dp[i])
        else:
            Vh = (3 * t1 / (1 + pr) - t1) * F2 if act == _LINEAR else 2.0
            if act == _MAX:
                mm, v = pools[pool, 0], pools[pool, 1]
                m = mm
                q = m * m + v
                f2, c2, gam, gD = F2 * v * v, 0.0, 0.5, 0.25
                Vh = 2 * f2
            sum_c = sum_f = F2
            tilt = 0.0
            for b in range(classes):
                src[b] = 0.0
                Fn[b] = F[b]
                carried[b] = ratio[b] * F[b] * F[b]
                fresh[b] = F[b] * F[b]
            for i in range(h):
                hm[i] = u[i] * dp[i]
        # 2. Expected variance: exact sums over taps of a separable profile, with zero padding.
        mean_A = _window_sum(u, h, k, s, A, o)
        mean_hs = _window_sum(hm, h, k, s, hs, o)
        mean_hm = 0.0
        for i in range(h):
            mean_hm += hm[i]
        mean_hm /= h
        cb = mean_B = 0.0
        if mm > 0:
            pad = (k - 1) // 2
            for tap in range(k):
                part = 0.0
                for i in range(o):
                    j = i * s + tap - pad
                    if 0 <= j < h:
                        part += w[j]
                sums[tap] = part / o
                cb += sums[tap] * sums[tap]
            for i in range(o):
                part = 0.0
                for tap in range(k):
                    j = i * s + tap - pad
                    if 0 <= j < h:
                        part += sums[tap] * w[j]
                Bx[i] = part
                mean_B += part
            mean_B /= o
        else:
            Bx[:o] = 0.0
        mean_e = 0.0
        for i in range(o):
            un[i] = q * A[i] * mean_A - 2 * mm * mm * Bx[i] * mean_B + mm * mm * cb * cb
            mean_e += un[i]
        mean_e /= o
        s2 = fan * mean_e
        # 3. Fluctuations of the energy: through the activation, plus the noise of finitely many channels.
        iv, hw, g2 = 1 / f2, float(h * h), gam * gam
        a1, a2 = _gain(S, yl, vl, relu), _gain(tL, yl, vl, relu)
        j0 = j1 = j2 = 0.0
        if ti > 0:
            j0 = _gain(iI, yl, vl, relu)
            j1 = _gain(S + iI + iS, yl, vl, relu) - j0 - a1
            j2 = _gain(t1 - 1, yl, vl, relu) - j0 - j1 - a2
        a1, a2 = a1 * level, a2 * level
        nI, nS = 0.0, c2 * rS * rS * iv
        sS = sL = 0.0
        if relu:
            nI = (4 * M2 * mFk - 4 * m * y * msk + m * m * (yl / M2) * mk) * iv
            rootS = math.sqrt(1 + S)
            nS += (
                4 * M2 * (1 + S) * (mFk + F2 * rS)
                - 4 * m * y * rootS * (msk + F15 * rS)
                + m * m * (yl / M2) * math.sqrt(rootS) * (mk + rS)
            ) * iv - nI
            sS = yl * (math.sqrt(rootS) - 1) / v
            sL = yl * (math.sqrt(math.sqrt(1 + tL)) - 1) / v
        nS = max(0.0, nS)
        Vn = max(0.0, Vh * iv - nI - nS - c2 * iv * (RI + RS + RW))
        rSn = gam * rS + sS
        rWn = gam * rW + sL - sS if k == 1 else 0.0
        coherent = table[0] if k > 1 else 1.0
        rPn = gam * rP * coherent
        if relu:
            rPn += (1 / (wp * wp * wp * wp) - 1) * m * m / v * coherent
        for b in range(classes):
            kn[b] = (gam * kb[b] + src[b]) * coherent
        if g == 1:
            n = groups_before
            # Only what is new: the map-wide mean of the older local parts is in F already.
            noise = nI / ci + j0 / n + Vn / ci / hw
            smooth = a1 + j1 / n + nS / ci
            length2 = ((a1 + nS / ci) * l2 + j1 / n * l2i) / (smooth + 1e-30)
            white = (a2 - a1 + j2 / n + Vn / ci) * (1 - 1 / hw)
            if k == 1:
                S, W, l2 = smooth, white, length2 / (s * s)
            else:
                S, l2 = _window(smooth, white, length2, h, k, s, table)
                W = 0.0
            iI = iS = iW = l2i = 0.0
            rn = 1.0 / ci + g2 * Ri / n
            R0 = (RI + RS + RW) * g2 + rn
            RI = RI * g2 + (rn + RW * g2) / hw
            white = (RW * g2 + rn) * (1 - 1 / hw)
            if k == 1:
                RS, RW, l2R = RS * g2, white, l2R / (s * s)
            else:
                RS, l2R = _window(RS * g2, white, l2R, h, k, s, table)
                RW = 0.0
            Ri, groups_before = 0.0, 1
            Q = (gD * Q + 1.0 / ci) * (RI + RS + RW) / R0
        else:
            own = table[3] if k > 1 else 1.0
            n, noise = 1, 0.0
            iI = j0 + nI / fan + Vn / fan / hw
            smooth, white = j1 + nS / fan, (j2 + Vn / fan) * (1 - 1 / hw)
            length2 = l2i if j1 > nS / fan else l2
            if k == 1:
                iS, iW, l2i = smooth, white, length2 / (s * s)
                S, W, l2 = a1, (a2 - a1) * (1 - 1 / hw), l2 / (s * s)
                RI += RI * (g2 - 1) + RW * g2 / hw
                RS, RW, l2R = RS * g2, RW * g2 * (1 - 1 / hw), l2R / (s * s)
            else:
                iS, l2i = _window(smooth, white, length2, h, k, s, table)
                iW = 0.0
                S, l2 = _window(a1, (a2 - a1) * (1 - 1 / hw), l2, h, k, s, table)
                W = 0.0
                RI = RI * g2 + RW * g2 / hw
                RS, l2R = _window(RS * g2, RW * g2 * (1 - 1 / hw), l2R, h, k, s, table)
                RW = 0.0
            Ri = (1.0 / fan + g2 * Ri) * own
            Q = (gD * Q + 1.0 / fan) * own
            groups_before = g
        # How uneven each class of images is: what its local variance was, the profile, and the new noise.
        rest = table[1] if k > 1 else 1.0
        old = a1 + (a2 - a1) * rest + (j0 + j1 + j2 * rest) / n + (U2 - 1) * (1 + a2)
        new = (Vn * rest + nS) / fan
        old, new = old / sum_c, new / sum_f
        norm = spread = 0.0
        for b in range(classes):
            square = Fn[b] * Fn[b]
            part = max(old * carried[b] + new * fresh[b], 0.0)
            norm += wt[b] * part
            spread += wt[b] * square
            ratio[b] = part / square
        if norm > 1e-12:
            for b in range(classes):
                ratio[b] *= spread / norm
        else:
            ratio[:] = 1.0
        # 4. Noise common to an image widens the images' energies along their normal scores.
        if noise > 0 and batch > 1:
            s20 = math.log1p(max(spread - 1, 0.0))
            step = math.sqrt(s20 + noise) - math.sqrt(s20)
            norm = 0.0
            for b in range(classes):
                x = step * qn[b]
                e = 1 + x + 0.5 * x * x
                Fn[b] *= e
                kn[b] *= e
                norm += wt[b] * Fn[b]
            for b in range(classes):
                Fn[b] /= norm
                kn[b] /= norm
        # 5. Per-channel batch norm divides a channel by its own variance: the coherent share d falls by ph, and an
        #    image that dominates its own normaliser is damped, most where a channel stands alone (iI).
        d = 0.0
        for b in range(classes):
            d += wt[b] * kn[b]
        d = min(0.99, d)
        dl = min(0.99, rSn + rWn)
        dd = min(0.99, d + rSn + rWn + rPn)
        ph = 1 / (1 + 2 * dd * (1 - dd))
        al = (1 - dl * ph) / (1 - dl)
        x1 = _local_loss(S, rSn, al, ph)
        x2 = _local_loss(S + W, rSn + rWn, al, ph) if W > 0 else x1
        S, W = min(x1, 1e3), min(max(0.0, x2 - x1), 1e3)
        iI, iS, iW = min(iI, 1e3), min(iS, 1e3), min(iW, 1e3)
        af = (1 - dd * ph) / (1 - dd)
        # The coherent share at local scale falls as k does, and uneven images have more of it.
        local = 0.0
        for b in range(classes):
            local += wt[b] * Fn[b] * ratio[b]
        local = (dd - d) / local
        points = (1 + S + W) / float(o * o)
        norm = 0.0
        for b in range(classes):
            x = min(kn[b] + local * ratio[b] * Fn[b], Fn[b])
            e = (Fn[b] - x) * af + x * ph
            kn[b] *= ph
            x = 1 / (1 + (2 * (e * points + kn[b] * kn[b] / max(e, 1e-9)) + iI * e) / batch)
            Fn[b] = e * x
            kn[b] *= x
            norm += wt[b] * Fn[b]
        mean_k = mean_F2 = 0.0
        for b in range(classes):
            F[b] = max(Fn[b] / norm, 1e-6)
            kb[b] = min(kn[b] / norm, F[b])
            mean_k += wt[b] * kb[b]
            mean_F2 += wt[b] * F[b] * F[b]
        rS, rW, rP = min(rSn * ph, 1.0), min(rWn * ph, 1.0), min(rPn * ph, 1.0)
        # 6. Difference of the passes, and the spread of a channel's variance between channels.
        delta = 0.0
        for i in range(o):
            share = un[i] / mean_e
            x = min(hs[i] * mean_hs / (mean_hm + 1e-300) / mean_e / share, 1.5)
            dp[i] = x
            delta += x * share
            u[i] = share
            w[i] = math.sqrt(share)
        delta /= o
        R = RI + RS + RW + Ri
        grow = 1 + 2 * max(0.0, R - Q) * max(0.0, 1 - delta)
        delta *= grow
        for i in range(o):
            dp[i] *= grow
        shared = mean_k + rS + rW + rP
        pr = min(2.0, 2 * R + 2 * (1 + S + W + iI + iS + iW) * mean_F2 / (float(batch) * o * o) + 2 * shared * shared)
        logs[count] = 0.5 * math.log(s2) - pr / (4 * co)
        total += logs[count]
        count += 1
        h, act, last = o, (_RELU if kind == RELU else _LINEAR), float(co)
    wp = eF = 0.0
    for i in range(h):
        wp += w[i]
    wp /= h
    for b in range(classes):
        eF += wt[b] * math.sqrt(F[b])
    e = eF * wp * wp / math.sqrt(math.sqrt(math.sqrt(1 + S + W + iI + iS + iW)))
    both_signs = 2.0 if act == _LINEAR else 1.0
    return total + math.log(last * h * h * math.sqrt(max(delta, 1e-300) / math.pi) * e * both_signs)


@_jit
def score_chains(
    rows: Any,
    starts: Any,
    resolution: int,
    batch: int,
    alpha: float,
    wt: Any,
    qn: Any,
    geometry: Any,
    pools: Any,
    scores: Any,
) -> None:
    """Fill `scores` with the scores of the chains `rows[starts[i]:starts[i + 1]]`."""
    logs = np.empty(len(rows) + 1)
    for i in range(len(starts) - 1):
        chain = rows[starts[i] : starts[i + 1]]
        scores[i] = score_chain(chain, resolution, batch, alpha, wt, qn, geometry, pools, logs)


Rows = npt.NDArray[np.int64]
