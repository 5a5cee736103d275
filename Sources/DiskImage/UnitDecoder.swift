/// What decoding needs and is worth keeping from one unit to the next. One thread at a time may use it.
package final class UnitDecoder {
    package init() {}
}
