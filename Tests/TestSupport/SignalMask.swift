import Foundation

/// Starts a process whose signals arrive. Tasks run on threads that block most signals, and a child inherits
/// the mask of the thread that starts it: without this it would not notice SIGTERM, nor its own timers.
func runUnmasked(_ process: Process) throws {
    var none = sigset_t()
    var inherited = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &inherited)
    defer { pthread_sigmask(SIG_SETMASK, &inherited, nil) }
    try process.run()
}
