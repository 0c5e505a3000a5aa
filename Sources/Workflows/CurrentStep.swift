/// The step whose body runs in this task, for whoever it calls.
package struct CurrentStep: Sendable {
    /// The same in every try; at most 64 characters.
    package let key: String
    /// 1 for the first; a try that a crash ended counts, one that was postponed does not.
    package let attempt: Int

    @TaskLocal package static var value: CurrentStep?
}
