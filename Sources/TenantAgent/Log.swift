import Glibc

/// One line to standard error, at once: the systemd unit shows it on the console, SSM keeps it apart from
/// the report on standard output. No secret and no container output ever goes here.
func log(_ message: String) {
    let line = Array("tenant-agent: \(message)\n".utf8)
    var offset = 0
    while offset < line.count {
        let written = line[offset...].withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        if written <= 0 { return }
        offset += written
    }
}
