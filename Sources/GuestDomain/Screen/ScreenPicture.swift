/// A picture of a guest's screen: rows of pixels from the top, three bytes each: red, green, blue.
package struct ScreenPicture: Sendable, Hashable {
    package let width: Int
    package let height: Int
    package let pixels: [UInt8]

    /// Nil unless there are as many pixels as the size says.
    package init?(width: Int, height: Int, pixels: [UInt8]) {
        let area = width.multipliedReportingOverflow(by: height)
        guard width > 0, height > 0, !area.overflow, area.partialValue <= Int.max / 3,
            pixels.count == area.partialValue * 3
        else { return nil }
        (self.width, self.height, self.pixels) = (width, height, pixels)
    }

    /// The largest size with this picture's proportions in `width` by `height` pixels that is no larger than the picture itself.
    package func size(within width: Int, _ height: Int) -> (width: Int, height: Int) {
        let (width, height) = (max(1, width), max(1, height))
        if self.width <= width, self.height <= height { return (self.width, self.height) }
        return self.width * height >= width * self.height
            ? (width, max(1, self.height * width / self.width)) : (max(1, self.width * height / self.height), height)
    }

    /// As ``size(within:_:)`` says. Each pixel is the mean of those that it stands for, so that nothing thin is lost.
    package func scaled(within width: Int, _ height: Int) -> ScreenPicture {
        let size = size(within: width, height)
        if size == (self.width, self.height) { return self }
        let columns = (0...size.width).map { $0 * self.width / size.width }
        let pixels = [UInt8](unsafeUninitializedCapacity: size.width * size.height * 3) { output, count in
            self.pixels.withUnsafeBufferPointer { input in
                for row in 0..<size.height {
                    let rows = (row * self.height / size.height)..<((row + 1) * self.height / size.height)
                    for column in 0..<size.width {
                        let mean = ScreenPicture.mean(
                            input, rows, columns[column]..<columns[column + 1], stride: self.width * 3)
                        let place = (row * size.width + column) * 3
                        (output[place], output[place + 1], output[place + 2]) = mean
                    }
                }
            }
            count = size.width * size.height * 3
        }
        return ScreenPicture(width: size.width, height: size.height, pixels: pixels) ?? self
    }

    private static func mean(
        _ pixels: UnsafeBufferPointer<UInt8>, _ rows: Range<Int>, _ columns: Range<Int>, stride: Int
    ) -> (UInt8, UInt8, UInt8) {
        var (red, green, blue) = (0, 0, 0)
        for row in rows {
            var place = row * stride + columns.lowerBound * 3
            for _ in columns {
                red += Int(pixels[place])
                green += Int(pixels[place + 1])
                blue += Int(pixels[place + 2])
                place += 3
            }
        }
        // Neither range is empty: a picture is never made larger.
        let count = rows.count * columns.count
        let half = count / 2
        return (UInt8((red + half) / count), UInt8((green + half) / count), UInt8((blue + half) / count))
    }
}
