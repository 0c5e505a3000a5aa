import CCrypto

/// Two numbers, r and s: one after the other in a token (RFC 7518, section 3.4), in DER for libcrypto.
enum ECDSASignature {
    /// - Returns: nil unless both are there in full length.
    static func der(of raw: [UInt8], _ curve: KeyKind.Curve) -> [UInt8]? {
        let length = curve.length
        guard raw.count == 2 * length, let signature = ECDSA_SIG_new() else { return nil }
        defer { ECDSA_SIG_free(signature) }
        let r = raw.withUnsafeBufferPointer { BN_bin2bn($0.baseAddress, Int32(length), nil) }
        let s = raw.withUnsafeBufferPointer {
            BN_bin2bn($0.baseAddress.map { $0 + length }, Int32(length), nil)
        }
        guard ECDSA_SIG_set0(signature, r, s) == 1 else {
            BN_free(r)
            BN_free(s)
            return nil
        }
        var der = [UInt8](repeating: 0, count: max(0, Int(i2d_ECDSA_SIG(signature, nil))))
        let written = der.withUnsafeMutableBufferPointer { buffer in
            var cursor = buffer.baseAddress
            return i2d_ECDSA_SIG(signature, &cursor)
        }
        return written > 0 && written == der.count ? der : nil
    }

    static func raw(of der: [UInt8], _ curve: KeyKind.Curve) -> [UInt8]? {
        let length = curve.length
        let signature = der.withUnsafeBufferPointer { buffer in
            var cursor = buffer.baseAddress
            return d2i_ECDSA_SIG(nil, &cursor, buffer.count)
        }
        guard let signature else { return nil }
        defer { ECDSA_SIG_free(signature) }
        return number(ECDSA_SIG_get0_r(signature), length).flatMap { r in
            number(ECDSA_SIG_get0_s(signature), length).map { r + $0 }
        }
    }

    private static func number(_ number: OpaquePointer?, _ length: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: length)
        return BN_bn2binpad(number, &bytes, Int32(length)) == length ? bytes : nil
    }
}
